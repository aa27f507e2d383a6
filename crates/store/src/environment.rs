//! What the usual AWS places say: credentials, region, endpoint.

use std::sync::Arc;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig, imds};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls;
use aws_types::service_config::ServiceConfigKey;
use url::{Host, Url};

use crate::credentials::CachedCredentials;
use crate::error::StoreError;
use crate::settings::S3Settings;

/// The instance's metadata service answers within milliseconds, or this is no instance.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// Its service drops a packet now and then.
const METADATA_ATTEMPTS: u32 = 2;

/// What settings and environment come to.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) credentials: Arc<CachedCredentials>,
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<Url>,
}

impl Environment {
    /// Looks everything up, and fetches credentials once, so that their lack shows before any work is begun.
    pub(crate) async fn load(settings: &S3Settings) -> Result<Self, StoreError> {
        let sdk = load_sdk_config(settings).await;
        let endpoint = settings.endpoint.clone().or_else(|| configured_endpoint(&sdk));
        let endpoint = endpoint.map(|endpoint| check_endpoint(&endpoint, settings.allow_http)).transpose()?;
        let profile = settings.profile.clone().or_else(|| std::env::var("AWS_PROFILE").ok());
        let provider = sdk
            .credentials_provider()
            .ok_or_else(|| StoreError::Credentials { reason: "the AWS configuration names no provider".to_owned() })?;
        let credentials = CachedCredentials::new(provider, profile);
        credentials.get().await?;
        Ok(Self {
            credentials: Arc::new(credentials),
            region: sdk.region().map(|region| region.as_ref().to_owned()),
            endpoint,
        })
    }
}

/// The default chains of the AWS SDKs, with less patience for an instance metadata service that is not there.
///
/// The region is not asked of that service: S3 itself names the region of a bucket.
pub(crate) async fn load_sdk_config(settings: &S3Settings) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let places = ProviderConfig::without_region().with_http_client(http.clone());
    let metadata = imds::Client::builder()
        .configure(&places)
        .connect_timeout(METADATA_TIMEOUT)
        .read_timeout(METADATA_TIMEOUT)
        .max_attempts(METADATA_ATTEMPTS)
        .build();
    let mut profile_region = ProfileFileRegionProvider::builder().configure(&places);
    let mut chain = DefaultCredentialsChain::builder().configure(places.clone()).imds_client(metadata);
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
    if let Some(profile) = &settings.profile {
        profile_region = profile_region.profile_name(profile);
        chain = chain.profile_name(profile);
        loader = loader.profile_name(profile);
    }
    let region = RegionProviderChain::first_try(settings.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile_region.build())
        .region()
        .await;
    let credentials = SharedCredentialsProvider::new(chain.region(region.clone()).build().await);
    loader.region(region).credentials_provider(credentials).load().await
}

/// The endpoint for S3, or for all services, of environment and profile.
fn configured_endpoint(sdk: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id("s3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok();
    let own = key.and_then(|key| sdk.service_config()?.load_config(key));
    own.or_else(|| sdk.endpoint_url().map(str::to_owned))
}

/// Refuses what is no URL of a server, and plain HTTP to another machine unless that is allowed.
fn check_endpoint(endpoint: &str, allow_http: bool) -> Result<Url, StoreError> {
    let refuse = |reason: String| StoreError::Endpoint { endpoint: endpoint.to_owned(), reason };
    let url = Url::parse(endpoint).map_err(|error| refuse(error.to_string()))?;
    let is_local = match url.host() {
        None => return Err(refuse("it names no host".to_owned())),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_local || allow_http => Ok(url),
        "http" => Err(StoreError::PlainHttp { endpoint: endpoint.to_owned() }),
        scheme => Err(refuse(format!("{scheme}:// is not HTTP"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_plain_http_only_to_this_machine_or_when_asked() {
        for endpoint in ["https://s3.example", "http://localhost:9000", "http://127.0.0.1:5000/", "http://[::1]:1"] {
            assert!(check_endpoint(endpoint, false).is_ok(), "{endpoint}");
        }
        for endpoint in ["http://s3.example", "http://10.0.0.1:9000", "http://localhost.example"] {
            assert!(matches!(check_endpoint(endpoint, false), Err(StoreError::PlainHttp { .. })), "{endpoint}");
            assert!(check_endpoint(endpoint, true).is_ok(), "{endpoint}");
        }
        for endpoint in ["", "localhost:9000", "ftp://s3.example", "s3.example"] {
            assert!(matches!(check_endpoint(endpoint, true), Err(StoreError::Endpoint { .. })), "{endpoint}");
        }
    }
}
