//! One event ID, one row.

use trailql_event::{EventKey, same_json};
use trailql_lake::{Lake, Ledger};

use crate::batch::{Batch, Fate, RowId};
use crate::compare::{LakeEvents, event_text};
use crate::error::IngestError;

/// Decides the fate of every row of `batch` that is still [`Fate::Kept`].
///
/// A row is a duplicate if an earlier row of the batch, or the lake, has its ID and content. Where only the ID is the
/// same, the events themselves are compared: equal as JSON makes a duplicate, otherwise the row is a conflict. With
/// `since`, only what the lake got after that ledger is looked at. Without a lake, only the batch is.
///
/// Returns how many rows changed.
pub(crate) async fn dedup(
    batch: &mut Batch,
    lake: Option<&Lake>,
    since: Option<&Ledger>,
) -> Result<usize, IngestError> {
    let mut rows: Vec<(EventKey, RowId)> = batch.kept_rows().map(|row| (batch.key(row), row)).collect();
    // By ID, then in the order of arrival: the first of an ID stays.
    rows.sort_unstable_by_key(|(key, row)| (key.id, *row));
    let mut changed = if since.is_none() { dedup_within(batch, &rows)? } else { 0 };
    rows.retain(|(_, row)| batch.fate(*row) == Fate::Kept);
    let Some(lake) = lake else { return Ok(changed) };

    let probes: Vec<EventKey> = rows.iter().map(|(key, _)| *key).collect();
    let mut same = vec![false; probes.len()];
    let mut other = vec![false; probes.len()];
    lake.ledger()
        .find(&probes, since, |probe, content| {
            let seen = if content == probes[probe].content { &mut same } else { &mut other };
            seen[probe] = true;
        })
        .await?;
    let mut doubtful = Vec::new();
    for (probe, (_, row)) in rows.iter().enumerate() {
        if same[probe] {
            batch.set_fate(*row, Fate::Duplicate);
            changed += 1;
        } else if other[probe] {
            doubtful.push(*row);
        }
    }
    Ok(changed + settle(batch, lake, &doubtful).await?)
}

/// Compares rows of the batch with the same ID; `rows` are sorted by ID and arrival.
fn dedup_within(batch: &mut Batch, rows: &[(EventKey, RowId)]) -> Result<usize, IngestError> {
    let mut changed = 0;
    for group in rows.chunk_by(|(a, _), (b, _)| a.id == b.id).filter(|group| group.len() > 1) {
        let mut firsts: Vec<(EventKey, RowId)> = vec![group[0]];
        for (key, row) in &group[1..] {
            let fate = if firsts.iter().any(|(first, _)| first.content == key.content) {
                Fate::Duplicate
            } else {
                fate_among(batch, &firsts, *row)?
            };
            match fate {
                Fate::Kept => firsts.push((*key, *row)),
                fate => {
                    batch.set_fate(*row, fate);
                    changed += 1;
                }
            }
        }
    }
    Ok(changed)
}

/// What a row is beside rows of the same ID hash but other content hashes.
fn fate_among(batch: &Batch, firsts: &[(EventKey, RowId)], row: RowId) -> Result<Fate, IngestError> {
    let id = batch.event_id(row);
    let Some((_, first)) = firsts.iter().find(|(_, first)| batch.event_id(*first) == id) else {
        // Two IDs with one hash.
        return Ok(Fate::Kept);
    };
    let same = same_json(&event_text(batch, *first)?, &event_text(batch, row)?);
    Ok(if same { Fate::Duplicate } else { Fate::Conflict })
}

/// Compares rows with the lake's events of the same ID.
async fn settle(batch: &mut Batch, lake: &Lake, doubtful: &[RowId]) -> Result<usize, IngestError> {
    if doubtful.is_empty() {
        return Ok(0);
    }
    let ids = doubtful.iter().filter_map(|row| batch.event_id(*row)).map(str::to_owned).collect();
    let partitions = doubtful.iter().map(|row| batch.partition(*row)).collect();
    let events = LakeEvents::read(lake, ids, &partitions).await?;
    let mut changed = 0;
    for row in doubtful {
        let Some(stored) = batch.event_id(*row).and_then(|id| events.get(id)) else { continue };
        let same = same_json(stored, &event_text(batch, *row)?);
        batch.set_fate(*row, if same { Fate::Duplicate } else { Fate::Conflict });
        changed += 1;
    }
    Ok(changed)
}
