//! Any bytes whatever as Istio's YAML: findings come out, and each can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meshless::istio::Documents;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let documents = Documents::from_yaml(&text);
    for found in documents.diagnostics() {
        let _ = found.to_string();
        let _ = found.to_json();
    }
});
