//! A statement as words, for what is told by its first words alone.

use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};

use super::grammar::TrinoDialect;

/// A statement's text and its tokens, blanks aside, with where they begin.
pub(super) struct Words {
    text: String,
    tokens: Vec<(Token, usize)>,
}

impl Words {
    pub(super) fn new(text: &str) -> Self {
        let tokens = Tokenizer::new(&TrinoDialect, text).tokenize_with_location().unwrap_or_default();
        let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let offset = |line: u64, column: u64| {
            let start = starts.get((line as usize).saturating_sub(1)).copied().unwrap_or(text.len());
            let rest = &text[start..];
            start + rest.char_indices().nth((column as usize).saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
        };
        let tokens = tokens
            .into_iter()
            .filter(|token| !matches!(token.token, Token::Whitespace(_)))
            .map(|token| (token.token, offset(token.span.end.line, token.span.end.column)))
            .collect();
        Self { text: text.to_owned(), tokens }
    }

    pub(super) fn word(&self, index: usize) -> Option<&str> {
        match &self.tokens.get(index)?.0 {
            Token::Word(word) => Some(&word.value),
            _ => None,
        }
    }

    pub(super) fn upper(&self, index: usize) -> String {
        self.word(index).map(str::to_uppercase).unwrap_or_default()
    }

    pub(super) fn name(&self, index: usize) -> String {
        self.word(index).map(str::to_lowercase).unwrap_or_default()
    }

    /// The text behind a token.
    pub(super) fn after(&self, index: usize) -> String {
        self.tokens.get(index).map_or_else(String::new, |(_, end)| self.text[*end..].to_owned())
    }

    /// The text before a token.
    pub(super) fn before(&self, index: usize) -> &str {
        let end = index.checked_sub(1).and_then(|index| self.tokens.get(index)).map_or(0, |(_, end)| *end);
        &self.text[..end]
    }

    pub(super) fn position(&self, keyword: &str) -> Option<usize> {
        (0..self.tokens.len()).find(|index| self.upper(*index) == keyword)
    }

    pub(super) fn token(&self, index: usize) -> Option<&Token> {
        self.tokens.get(index).map(|(token, _)| token)
    }

    pub(super) fn is_period(&self, index: usize) -> bool {
        self.token(index) == Some(&Token::Period)
    }

    /// The last part of the name that begins at a token: `db.table` is `table`.
    pub(super) fn last_of_name(&self, mut index: usize) -> Option<&Word> {
        while self.is_period(index + 1) {
            index += 2;
        }
        match self.token(index)? {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    /// The quoted texts.
    pub(super) fn literals(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.tokens.iter().filter_map(|(token, _)| match token {
            Token::SingleQuotedString(text) => Some(text.as_str()),
            _ => None,
        })
    }
}
