//! Any change of one byte, of any log file, digest or signature, is found, or changes nothing that is said.

use std::sync::LazyLock;

use proptest::prelude::*;
use tokio::runtime::Runtime;
use trailql_integrity::Conclusion;

use crate::maker::World;
use crate::runner::{in_memory, range, run};
use crate::stage::Stage;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Changes one byte of the `file`th object's bytes, or of its signature; what is there then still means the same if
/// that is what it unpacks to.
fn change(world: &mut World, file: prop::sample::Index, at: prop::sample::Index, flip: u8, signature: bool) -> bool {
    let mut objects: Vec<_> = world.objects.values_mut().collect();
    let object = file.get_mut(&mut objects);
    match &mut object.metadata.signature {
        Some(text) if signature => {
            let mut bytes = text.clone().into_bytes();
            *at.get_mut(&mut bytes) ^= flip;
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            let is_same = changed.eq_ignore_ascii_case(text);
            *text = changed;
            is_same
        }
        _ => {
            let before = unpack(&object.bytes);
            *at.get_mut(&mut object.bytes) ^= flip;
            // The header of a gzip file holds a time and a system that nobody reads.
            before == unpack(&object.bytes)
        }
    }
}

fn unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut member = flate2::bufread::GzDecoder::new(bytes);
    std::io::Read::read_to_end(&mut member, &mut content).ok().map(|_| content)
}

static PLAIN: LazyLock<(World, Stage)> = LazyLock::new(|| {
    let stage = Stage::plain();
    (stage.world.clone(), stage)
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_change_of_one_byte_is_found(
        file: prop::sample::Index,
        at: prop::sample::Index,
        flip in 1..=u8::MAX,
        signature: bool,
    ) {
        let (world, stage) = &*PLAIN;
        let mut world = world.clone();
        let is_same = change(&mut world, file, at, flip, signature);
        let validated = RUNTIME.block_on(async {
            run(in_memory(&world).await, &stage.keys, range(stage.since, stage.until)).await.unwrap()
        });
        let expected = if is_same { Conclusion::Valid } else { Conclusion::Invalid };
        prop_assert_eq!(validated.report.conclusion(), expected);
    }
}
