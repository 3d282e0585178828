//! libFuzzer's way into `fuzz/src/kernels_differential.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::kernels_differential::check(bytes);
});
