//! libFuzzer's way into `fuzz/src/gzip_idx.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::gzip_idx::check(bytes);
});
