//! Log files in a bucket.

mod pattern;
mod walk;

use std::path::Path;

use trailql_store::{ListedObject, S3Location, Stores};

use crate::listing::{Listing, LogFile, SourceError, is_log_name};
use crate::s3::walk::{Found, Walker};
use crate::scope::ListingScope;

/// Adds the log files at one URL: an object, a folder, a pattern, or what begins like it.
///
/// Returns whether the source may well be without log files: something is there, and `scope` leaves it out.
pub(crate) async fn list_s3(
    stores: &Stores,
    location: &S3Location,
    scope: &ListingScope,
    listing: &mut Listing,
) -> Result<bool, SourceError> {
    let bucket = stores.bucket(&location.bucket).await?;
    let walker = Walker::new(&bucket, scope);
    let key = location.key.as_str();
    let is_pattern = key.contains(['*', '?', '[']);
    let found = if is_pattern { walker.pattern(key).await? } else { walker.named(key).await? };
    let Found { named, objects, ignored_folders, is_there } = found;
    listing.files.extend(named.into_iter().map(|object| LogFile::object(&bucket, object)));
    let url = |key: &str| format!("s3://{}/{key}", bucket.name());
    listing.ignored.extend(ignored_folders.iter().map(|folder| url(folder)));
    for object in objects {
        if is_log_name(Path::new(&object.key)) && !is_hidden(&object, key) {
            listing.files.push(LogFile::object(&bucket, object));
        } else if object.size_bytes > 0 {
            listing.ignored.push(url(&object.key));
        }
        // Empty objects without the name of a log stand for folders, made by the console and by other tools.
    }
    Ok(is_there && !scope.is_everything())
}

/// Whether the object, or a folder that it is in, has a name with a dot in front; as with local folders, those above
/// the source do not count.
fn is_hidden(object: &ListedObject, source: &str) -> bool {
    let above = source.rfind('/').map_or(0, |slash| slash + 1);
    object.key.get(above..).is_some_and(|below| below.split('/').any(|part| part.starts_with('.')))
}
