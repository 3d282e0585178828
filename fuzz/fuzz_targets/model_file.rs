//! libFuzzer's way into `fuzz/src/model_file.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::model_file::check(bytes);
});
