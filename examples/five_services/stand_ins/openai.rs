//! OpenAI: gives advice, for money.

use std::io;

use serde_json::{Value, json};

use super::StandIn;

/// Starts the stand-in for OpenAI.
pub(crate) async fn openai() -> io::Result<StandIn> {
    StandIn::start(complete).await
}

fn complete(_path: &str, body: &Value) -> Value {
    let question = body["messages"][0]["content"].as_str().unwrap_or_default();
    let advice = format!("Rinse it, flatten it, and sort it. ({question})");
    json!({
        "choices": [{ "message": { "role": "assistant", "content": advice } }],
        "usage": { "total_tokens": 42 },
    })
}
