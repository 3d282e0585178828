//! libFuzzer's way into `fuzz/src/png.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::png::check(bytes);
});
