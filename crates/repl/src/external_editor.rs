//! `\e`: a statement in the user's editor.

use std::io::Write;
use std::process::Command;

use crate::error::ReplError;

/// Opens `text` in `$VISUAL`, `$EDITOR` or `vi`, and returns what was saved.
pub(crate) fn edit(text: &str) -> Result<String, ReplError> {
    let mut file = tempfile::Builder::new().prefix("trailql-").suffix(".sql").tempfile()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    let editor = ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    // Through the shell, since `EDITOR` often holds arguments ("code --wait").
    let status = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(file.path())
        .status()
        .map_err(|source| ReplError::Program { program: editor.clone(), source })?;
    if !status.success() {
        return Ok(text.to_owned());
    }
    // Read by name: editors replace the file.
    std::fs::read_to_string(file.path()).map_err(|source| ReplError::File { path: file.path().to_owned(), source })
}
