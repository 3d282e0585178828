//! The tiers: which there are, and how one is asked for.

mod common;

use common::tiers;
use kernels::{Isa, IsaError, TIER_NAMES};

#[test]
fn tiers_are_listed_from_the_widest_to_the_portable() {
    let names: Vec<&str> = tiers().into_iter().map(Isa::name).collect();
    let known: Vec<&str> = TIER_NAMES.into_iter().filter(|name| names.contains(name)).collect();
    assert_eq!(names, known);
    assert_eq!(names.last(), Some(&"portable"));
    assert_eq!(Isa::detect().name(), names[0]);
}

#[test]
fn a_tier_is_had_by_its_name_or_refused() {
    for name in TIER_NAMES {
        match Isa::named(name) {
            Ok(isa) => assert_eq!((isa.name(), Isa::all().contains(&isa)), (name, true)),
            Err(error) => {
                assert_eq!(error, IsaError::Unsupported(name));
                assert!(Isa::all().iter().all(|isa| isa.name() != name));
                assert!(error.to_string().contains("it has"), "{error}");
            }
        }
    }
}

#[test]
fn names_are_exact() {
    for name in ["", "AVX2", "avx2 ", "avx", "scalar", "avx512f"] {
        assert_eq!(Isa::named(name), Err(IsaError::Unknown(name.to_owned())));
    }
}

#[test]
fn avx512_comes_with_avx2() {
    if Isa::named("avx512").is_ok() {
        assert!(Isa::named("avx2").is_ok());
    }
}
