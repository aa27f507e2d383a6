//! Data files that take the place of others.

use std::collections::HashSet;

use deltalake::kernel::Action;
use deltalake::protocol::DeltaOperation;
use object_store::path::Path;

use crate::commit::NewFile;
use crate::error::LakeError;
use crate::lake::Lake;
use crate::snapshot::DataFile;

impl Lake {
    /// Puts `added` in the place of `removed`, which must hold the same rows; the ledger stays as it is.
    ///
    /// Fails with [`LakeError::Conflict`] if another writer committed since; see [`Lake::commit`].
    pub async fn compact(
        &mut self,
        removed: &[DataFile],
        added: &[NewFile],
        target_bytes: u64,
    ) -> Result<u64, LakeError> {
        let mut actions = self.removals(removed, false)?;
        actions.extend(added.iter().map(|file| Action::Add(file.add(false))));
        let index = self.index_change(added, removed).await?;
        let target_size = i64::try_from(target_bytes).unwrap_or(i64::MAX);
        let operation = DeltaOperation::Optimize { predicate: None, target_size };
        self.write_log_with(index, actions, operation, &[]).await
    }

    /// Actions that take `files` out; `is_loss` says that their rows go with them.
    ///
    /// Fails with [`LakeError::NotLive`] where this version does not have a file.
    pub(crate) fn removals(&self, files: &[DataFile], is_loss: bool) -> Result<Vec<Action>, LakeError> {
        let state = self.table.snapshot().map_err(|source| self.log_error("reading", source))?;
        let log_data = state.snapshot().try_log_data().map_err(|source| self.log_error("reading", source))?;
        let mut wanted: HashSet<&Path> = files.iter().map(|file| &file.path).collect();
        let live = log_data.iter().filter(|view| wanted.remove(&view.object_store_path()));
        let actions = live.map(|view| Action::Remove(view.remove_action(is_loss))).collect();
        match wanted.into_iter().next() {
            Some(path) => Err(LakeError::NotLive { path: path.clone(), version: self.snapshot().version }),
            None => Ok(actions),
        }
    }
}
