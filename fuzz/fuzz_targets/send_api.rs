//! `frontdesk_fuzz::send_api` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| frontdesk_fuzz::send_api(data));
