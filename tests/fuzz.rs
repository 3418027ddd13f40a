//! The fuzz target's body on what any machine can try in seconds: the seeds, their mutilations, and arbitrary bytes.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use testkit::fuzz::{Reach, fuzz_one};

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn r11_every_seed_is_planned_as_the_rules_say() {
    let reached: Vec<Reach> = seeds().iter().map(|seed| fuzz_one(seed)).collect();
    assert!(reached.contains(&Reach::Valid) && reached.contains(&Reach::Flawed), "{reached:?}");
    assert!(!reached.contains(&Reach::Refused), "every seed is a snapshot: {reached:?}");
}

#[test]
fn r11_a_truncated_snapshot_is_refused() {
    for seed in seeds() {
        let text = seed.trim_ascii_end();
        for length in (0..text.len()).step_by(7) {
            assert_eq!(fuzz_one(&text[..length]), Reach::Refused, "at {length} of {} bytes", text.len());
        }
    }
}

/// Every number of a JSON text, as ranges of bytes.
fn numbers(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length > 0 {
            found.push(at..at + length);
        }
        at += length.max(1);
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r11_arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        fuzz_one(&bytes);
    }

    /// Ids that collide, dangle and point back, capacities and limits of any size: most of what a seed can become.
    #[test]
    fn r11_a_snapshot_with_other_numbers_is_planned_as_the_rules_say(
        seed in prop::sample::select(seeds()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0u64..12), 1..6),
        enormous in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut text = seed;
        for (index, number) in changes {
            let places = numbers(&text);
            let place = places[index.index(places.len())].clone();
            text.splice(place, number.to_string().into_bytes());
        }
        if let Some(index) = enormous {
            let places = numbers(&text);
            let place = places[index.index(places.len())].clone();
            text.splice(place, u32::MAX.to_string().into_bytes());
        }
        fuzz_one(&text);
    }
}
