//! JSON → validate → plan → audit, on whatever the fuzzer makes of the seeds.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    testkit::fuzz::fuzz_one(bytes);
});
