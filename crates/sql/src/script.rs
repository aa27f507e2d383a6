//! Cuts a script into statements, by tokens only, so that one that does not parse spoils no other.

/// One statement of a script, with where it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    text: String,
    line: usize,
    column: usize,
}

impl Statement {
    /// Takes `text` as one statement that begins at the first line and column.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), line: 1, column: 1 }
    }

    /// Returns a statement at the same place in the script with another text.
    pub(crate) fn with_text(&self, text: String) -> Self {
        Self { text, ..*self }
    }

    /// Returns the text without the `;` and without the blanks around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the position in the script of a 1-based line and column of the statement.
    pub(crate) fn position_in_script(&self, line: usize, column: usize) -> (usize, usize) {
        if line == 1 { (self.line, self.column + column - 1) } else { (self.line + line - 1, column) }
    }
}

/// Splits `script` at each `;` outside quotes and comments, and where a second query begins without one; empty
/// statements are left out.
pub fn split_statements(script: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut start = 0;
    let mut queries = Queries::default();
    for (token, range) in Scanner::new(script) {
        if token == Scan::Semicolon {
            push_statement(&mut statements, script, start, range.0);
            start = range.1;
            queries = Queries::default();
        } else if token == Scan::Code && queries.begins_another(script, range) {
            push_statement(&mut statements, script, start, range.0);
            start = range.0;
            queries = Queries { has_select: begins_query(&script[range.0..]), ..Queries::default() };
        }
    }
    push_statement(&mut statements, script, start, script.len());
    statements
}

/// Tells where a query begins though the one before it has no `;`: a statement has one `SELECT` outside parentheses,
/// but for those that set operations join.
#[derive(Debug, Default)]
struct Queries {
    depth: usize,
    has_select: bool,
    /// The last word outside parentheses joins queries.
    is_joining: bool,
}

impl Queries {
    fn begins_another(&mut self, script: &str, range: (usize, usize)) -> bool {
        let rest = &script[range.0..];
        match rest.as_bytes()[0] {
            b'(' => self.depth += 1,
            b')' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let is_inside = script[..range.0].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$'));
        let word = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        if self.depth > 0 || is_inside || word.is_empty() {
            return false;
        }
        let was_joining = std::mem::take(&mut self.is_joining);
        match word.to_ascii_uppercase().as_str() {
            "SELECT" if self.has_select && !was_joining => return true,
            // No query goes on with such a word at the beginning of a line.
            "CREATE" | "INSERT" | "ALTER" | "DROP" | "UNLOAD" | "MSCK" | "PREPARE" if self.has_select => {
                return script[..range.0].trim_end_matches([' ', '\t']).ends_with('\n');
            }
            "SELECT" => self.has_select = true,
            "UNION" | "INTERSECT" | "EXCEPT" | "ALL" | "DISTINCT" => self.is_joining = true,
            _ => {}
        }
        false
    }
}

fn begins_query(text: &str) -> bool {
    text.get(.."SELECT".len()).is_some_and(|word| word.eq_ignore_ascii_case("SELECT"))
}

/// Says whether `text` ends a statement: a `;` outside quotes and comments with nothing but blanks after it.
pub fn ends_statement(text: &str) -> bool {
    let mut ends = false;
    for (token, _) in Scanner::new(text) {
        match token {
            Scan::Semicolon => ends = true,
            Scan::Code | Scan::Quoted => ends = false,
            Scan::Blank | Scan::Comment => {}
        }
    }
    ends
}

/// A piece of SQL text as far as splitting needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scan {
    Blank,
    Comment,
    Quoted,
    Semicolon,
    Code,
}

/// Walks over the pieces of a text with their byte ranges.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Scanner<'_> {
    type Item = (Scan, (usize, usize));

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.text[self.at..];
        let first = rest.chars().next()?;
        let (token, length) = match first {
            c if c.is_whitespace() => (Scan::Blank, c.len_utf8()),
            ';' => (Scan::Semicolon, 1),
            '\'' | '"' | '`' => (Scan::Quoted, quoted_length(rest, first)),
            '-' if rest.starts_with("--") => (Scan::Comment, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (Scan::Comment, block_comment_length(rest)),
            c => (Scan::Code, c.len_utf8()),
        };
        let start = self.at;
        self.at += length;
        Some((token, (start, self.at)))
    }
}

/// Length of a quoted text with its quotes; a doubled quote reads as two texts side by side, which is no harm here.
fn quoted_length(rest: &str, quote: char) -> usize {
    rest[1..].find(quote).map_or(rest.len(), |at| at + 2)
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest[at..];
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn push_statement(statements: &mut Vec<Statement>, script: &str, start: usize, end: usize) {
    let mut has_code = false;
    let mut begin = start;
    for (token, (at, _)) in Scanner::new(&script[start..end]) {
        if !has_code && !matches!(token, Scan::Blank | Scan::Comment) {
            has_code = true;
            begin = start + at;
        }
    }
    if !has_code {
        return;
    }
    let before = &script[..begin];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    statements.push(Statement { text: script[begin..end].trim_end().to_owned(), line, column });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<String> {
        split_statements(script).into_iter().map(|s| s.text).collect()
    }

    #[test]
    fn splits_outside_quotes_and_comments() {
        let script = "select ';' as a; -- one; two\nselect 1 /* ; /* ; */ ; */ + 1;;\n select \"a;b\" from t";
        assert_eq!(texts(script), ["select ';' as a", "select 1 /* ; /* ; */ ; */ + 1", "select \"a;b\" from t"]);
    }

    #[test]
    fn takes_doubled_quotes_and_unclosed_ones() {
        assert_eq!(texts("select 'it''s; fine'; select 'open; "), ["select 'it''s; fine'", "select 'open;"]);
    }

    #[test]
    fn splits_where_a_second_query_begins() {
        let script = "select a from t\n-- next\nselect b from (select c) union all select d\nSELECT e";
        assert_eq!(
            texts(script),
            ["select a from t\n-- next", "select b from (select c) union all select d", "SELECT e"]
        );
        let script = "select a from t\ncreate table u as\nselect b\n  drop table u";
        assert_eq!(texts(script), ["select a from t", "create table u as\nselect b", "drop table u"]);
        for one in ["with a as (select 1) select 2", "select 1 except distinct select 2", "select selected from t"] {
            assert_eq!(texts(one), [one]);
        }
    }

    #[test]
    fn leaves_out_what_holds_no_code() {
        assert_eq!(texts(" ; -- nothing\n; /* here */ "), Vec::<String>::new());
    }

    #[test]
    fn knows_where_statements_begin() {
        let statements = split_statements("select 1;\n  -- why\n  select 2");
        assert_eq!((statements[1].line, statements[1].column), (3, 3));
        assert_eq!(statements[1].position_in_script(1, 8), (3, 10));
        assert_eq!(statements[1].position_in_script(2, 8), (4, 8));
    }

    #[test]
    fn recognises_the_end_of_a_statement() {
        assert!(ends_statement("select 1;"));
        assert!(ends_statement("select 1; -- done\n"));
        assert!(!ends_statement("select 1"));
        assert!(!ends_statement("select ';"));
        assert!(!ends_statement("select 1; select 2"));
        assert!(!ends_statement("select 1 -- ;"));
    }
}
