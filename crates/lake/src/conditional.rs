//! Whether a store can hold a lake: commits stand on writes that fail if the object is there already.

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, Result};
use uuid::Uuid;

use crate::ledger::LEDGER_FOLDER;

/// Tries it out, on an object that is gone afterwards.
///
/// A server that does not know `If-None-Match` writes all the same and says nothing; two writers would then lose each
/// other's commits.
pub(crate) async fn has_conditional_writes(store: &dyn ObjectStore) -> Result<bool> {
    let path = Path::from(format!("{LEDGER_FOLDER}/probe-{}", Uuid::new_v4()));
    let create = |content: &'static str| {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.put_opts(&path, content.into(), options)
    };
    create("first").await?;
    let second = create("second").await;
    store.delete(&path).await?;
    match second {
        Ok(_) | Err(Error::NotImplemented { .. }) => Ok(false),
        Err(Error::AlreadyExists { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn the_probe_leaves_nothing_behind() {
        let store = InMemory::new();
        assert!(has_conditional_writes(&store).await.expect("memory"));
        assert!(store.list(None).try_collect::<Vec<_>>().await.expect("memory").is_empty());
    }
}
