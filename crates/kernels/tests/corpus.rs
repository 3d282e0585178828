//! The corpus of the fuzz target that compares the tiers, and many more inputs of the same length.

mod common;

use common::Random;

#[path = "../../../fuzz/src/kernels_differential.rs"]
mod kernels_differential;

use kernels_differential::check;

#[test]
fn corpus_of_kernels_differential() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus/kernels_differential");
    let entries = std::fs::read_dir(folder).expect("a corpus");
    let files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    let finite = files.iter().filter(|path| check(&std::fs::read(path).expect("a file"))).count();
    println!("{} files, {finite} of them with finite results", files.len());
    assert!(files.len() >= 10);
}

#[test]
fn random_inputs_of_every_kernel() {
    let mut random = Random::new(90);
    let mut finite = [0; 3];
    for round in 0..3000 {
        let n = 1 + random.below(1200) as usize;
        let mut bytes: Vec<u8> = (0..n).map(|_| random.below(256) as u8).collect();
        bytes[0] = (round % 3) as u8;
        if round % 2 == 0 {
            // Without bit patterns, so that whole steps stay finite.
            bytes[1..].iter_mut().for_each(|byte| *byte = (*byte).min(199));
        }
        finite[round % 3] += usize::from(check(&bytes));
    }
    println!("finite results of products, updates and steps: {finite:?}, of 1,000 each");
    assert!(finite.iter().all(|&n| n > 300), "{finite:?}");
}
