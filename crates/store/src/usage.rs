//! What the stores were asked, which is what S3 charges for.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;

/// Requests and bytes up to some moment. Every attempt counts, as it does on the bill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreUsage {
    /// Objects or ranges read.
    pub get: u64,
    /// Objects and parts written.
    pub put: u64,
    /// Pages listed.
    pub list: u64,
    /// Objects asked for their size.
    pub head: u64,
    /// Deletions, of one object or of many.
    pub delete: u64,
    /// Bytes of answers.
    pub bytes_read: u64,
    /// Bytes of requests.
    pub bytes_written: u64,
}

impl StoreUsage {
    /// All requests together.
    pub fn requests(&self) -> u64 {
        self.get + self.put + self.list + self.head + self.delete
    }

    /// What was asked since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            get: self.get - earlier.get,
            put: self.put - earlier.put,
            list: self.list - earlier.list,
            head: self.head - earlier.head,
            delete: self.delete - earlier.delete,
            bytes_read: self.bytes_read - earlier.bytes_read,
            bytes_written: self.bytes_written - earlier.bytes_written,
        }
    }
}

impl fmt::Display for StoreUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests", self.requests())?;
        let kinds =
            [(self.get, "GET"), (self.list, "LIST"), (self.head, "HEAD"), (self.put, "PUT"), (self.delete, "DELETE")];
        let asked: Vec<String> =
            kinds.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
        if asked.is_empty() { Ok(()) } else { write!(f, " ({})", asked.join(", ")) }
    }
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Get,
    Put,
    List,
    Head,
    Delete,
}

impl Request {
    /// Tells the kind by what goes over the wire.
    pub(crate) fn of(method: &Method, query: Option<&str>) -> Self {
        let has = |name: &str| query.unwrap_or_default().split('&').any(|part| part.split('=').next() == Some(name));
        match method.as_str() {
            "GET" if has("list-type") => Self::List,
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" if has("delete") => Self::Delete,
            "DELETE" => Self::Delete,
            _ => Self::Put,
        }
    }
}

/// Counters that all buckets share.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    get: AtomicU64,
    put: AtomicU64,
    list: AtomicU64,
    head: AtomicU64,
    delete: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

impl Counters {
    pub(crate) fn count(&self, request: Request, bytes_written: u64) {
        let counter = match request {
            Request::Get => &self.get,
            Request::Put => &self.put,
            Request::List => &self.list,
            Request::Head => &self.head,
            Request::Delete => &self.delete,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.bytes_written.fetch_add(bytes_written, Ordering::Relaxed);
    }

    pub(crate) fn count_read(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> StoreUsage {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreUsage {
            get: load(&self.get),
            put: load(&self.put),
            list: load(&self.list),
            head: load(&self.head),
            delete: load(&self.delete),
            bytes_read: load(&self.bytes_read),
            bytes_written: load(&self.bytes_written),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_requests_apart() {
        for (method, query, expected) in [
            (Method::GET, None, Request::Get),
            (Method::GET, Some("list-type=2&prefix=a"), Request::List),
            (Method::GET, Some("delimiter=%2F&list-type=2"), Request::List),
            (Method::HEAD, None, Request::Head),
            (Method::PUT, Some("partNumber=1&uploadId=x"), Request::Put),
            (Method::POST, Some("delete"), Request::Delete),
            (Method::POST, Some("uploads"), Request::Put),
            (Method::DELETE, None, Request::Delete),
        ] {
            assert_eq!(Request::of(&method, query), expected, "{method} {query:?}");
        }
    }

    #[test]
    fn says_what_was_asked() {
        let counters = Counters::default();
        assert_eq!(counters.snapshot().to_string(), "0 requests");
        counters.count(Request::Get, 0);
        let before = counters.snapshot();
        counters.count(Request::Get, 0);
        counters.count(Request::List, 0);
        assert_eq!(counters.snapshot().to_string(), "3 requests (2 GET, 1 LIST)");
        assert_eq!(counters.snapshot().since(&before).requests(), 2);
    }
}
