//! libFuzzer's way into `fuzz/src/checkpoint.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::checkpoint::check(bytes);
});
