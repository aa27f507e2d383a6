//! Credentials of the AWS chain, kept until shortly before they expire.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

use crate::error::StoreError;

/// Credentials are renewed this long before they expire: a request may be retried for some minutes with those it began
/// with.
const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);

/// One provider for all buckets; whoever asks while they are renewed waits for the same answer.
#[derive(Debug)]
pub(crate) struct CachedCredentials {
    provider: SharedCredentialsProvider,
    profile: Option<String>,
    cached: Mutex<Option<Cached>>,
}

#[derive(Debug)]
struct Cached {
    credential: Arc<AwsCredential>,
    expiry: Option<SystemTime>,
}

impl CachedCredentials {
    /// `profile` is the one that the provider looks at, for messages.
    pub(crate) fn new(provider: SharedCredentialsProvider, profile: Option<String>) -> Self {
        Self { provider, profile, cached: Mutex::new(None) }
    }

    /// The credentials of this moment.
    pub(crate) async fn get(&self) -> Result<Arc<AwsCredential>, StoreError> {
        let mut cached = self.cached.lock().await;
        if let Some(cached) = cached.as_ref().filter(|cached| cached.lasts_for(RENEW_BEFORE)) {
            return Ok(Arc::clone(&cached.credential));
        }
        match self.provider.provide_credentials().await {
            Ok(credentials) => Ok(Arc::clone(&cached.insert(credentials.into()).credential)),
            Err(error) => match cached.as_ref().filter(|cached| cached.lasts_for(Duration::ZERO)) {
                Some(cached) => {
                    tracing::warn!(%error, "credentials could not be renewed yet");
                    Ok(Arc::clone(&cached.credential))
                }
                None => Err(StoreError::credentials(&error, self.profile.as_deref())),
            },
        }
    }

    /// Fetches others than `refused`, which the server does not take any more although they seemed to last.
    ///
    /// Returns whether there are some: a role's session may be revoked, and a process that hands out credentials need
    /// not say how long they last.
    pub(crate) async fn renew(&self, refused: &AwsCredential) -> bool {
        let mut cached = self.cached.lock().await;
        if cached.as_ref().is_some_and(|cached| *cached.credential != *refused) {
            return true;
        }
        match self.provider.provide_credentials().await {
            Ok(credentials) => *cached.insert(credentials.into()).credential != *refused,
            Err(error) => {
                tracing::warn!(%error, "credentials that the server refuses could not be renewed");
                false
            }
        }
    }
}

impl Cached {
    fn lasts_for(&self, span: Duration) -> bool {
        self.expiry.is_none_or(|expiry| SystemTime::now() + span < expiry)
    }
}

impl From<Credentials> for Cached {
    fn from(credentials: Credentials) -> Self {
        let credential = AwsCredential {
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
        };
        Self { credential: Arc::new(credential), expiry: credentials.expiry() }
    }
}

#[async_trait]
impl CredentialProvider for CachedCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let failed = |error| object_store::Error::Generic { store: "S3", source: Box::new(error) };
        self.get().await.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::future;

    use super::*;

    /// Gives credentials that last `lifetimes[n]` seconds the `n`th time, and none behind the end.
    #[derive(Debug)]
    struct Scripted {
        lifetimes: Vec<u64>,
        asked: Arc<AtomicUsize>,
    }

    impl ProvideCredentials for Scripted {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let n = self.asked.fetch_add(1, Ordering::SeqCst);
            let answer = self.lifetimes.get(n).map(|seconds| {
                let expiry = SystemTime::now() + Duration::from_secs(*seconds);
                Credentials::new(format!("key{n}"), "secret", Some("token".to_owned()), Some(expiry), "test")
            });
            future::ProvideCredentials::ready(answer.ok_or_else(|| CredentialsError::provider_error("STS is away")))
        }
    }

    async fn keys(lifetimes: &[u64], times: usize) -> (Vec<Result<String, String>>, usize) {
        let asked = Arc::new(AtomicUsize::new(0));
        let provider = Scripted { lifetimes: lifetimes.to_vec(), asked: Arc::clone(&asked) };
        let cached = CachedCredentials::new(SharedCredentialsProvider::new(provider), None);
        let mut keys = Vec::new();
        for _ in 0..times {
            keys.push(cached.get().await.map(|key| key.key_id.clone()).map_err(|error| error.to_string()));
        }
        (keys, asked.load(Ordering::SeqCst))
    }

    fn key(n: usize) -> Result<String, String> {
        Ok(format!("key{n}"))
    }

    #[tokio::test]
    async fn keeps_credentials_until_shortly_before_they_expire() {
        assert_eq!(keys(&[3600], 3).await, (vec![key(0), key(0), key(0)], 1));
        assert_eq!(keys(&[60, 60, 3600], 4).await, (vec![key(0), key(1), key(2), key(2)], 3));
    }

    #[tokio::test]
    async fn renews_what_is_refused_once() {
        let provider = Scripted { lifetimes: vec![3600, 3600], asked: Arc::default() };
        let cached = CachedCredentials::new(SharedCredentialsProvider::new(provider), None);
        let first = cached.get().await.expect("credentials");
        assert!(cached.renew(&first).await);
        assert!(cached.renew(&first).await, "another request of the first ones needs no third ones");
        let second = cached.get().await.expect("credentials");
        assert_eq!(second.key_id, "key1");
        assert!(!cached.renew(&second).await, "there are no others");
    }

    #[tokio::test]
    async fn outlives_a_failed_renewal_as_long_as_it_can() {
        assert_eq!(keys(&[60], 3).await, (vec![key(0), key(0), key(0)], 3));
        let (got, _) = keys(&[0], 2).await;
        assert!(got[1].as_ref().is_err_and(|error| error.contains("STS is away")), "{got:?}");
    }
}
