//! libFuzzer's way into `fuzz/src/idx.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::idx::check(bytes);
});
