//! The objects of JSON-RPC 2.0 (<https://www.jsonrpc.org/specification>), and reading them line by line.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// The longest line, in bytes, its newline included.
pub const LINE_LEN_MAX: usize = 1024 * 1024;

/// Lines up to this length, in bytes, are read without a copy.
const LINE_LEN_COMMON: usize = 4096;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const INTERNAL_ERROR: i64 = -32603;
/// The first of the codes that the specification leaves to servers. All of Sotto's own errors have it, and
/// differ in the label.
const SERVER_ERROR: i64 = -32000;

/// An error as it goes to the caller.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct RpcError {
    /// One of the specification's codes.
    pub code: i64,
    /// For people.
    pub message: String,
    /// `{"label": ...}`, the stable name of the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    /// There is no such method.
    #[must_use]
    pub fn method_not_found(method: &str) -> Self {
        Self::new(METHOD_NOT_FOUND, "method-not-found", &format!("there is no method {method:?}"))
    }

    /// The parameters are not what the method takes.
    #[must_use]
    pub fn invalid_params(message: &str) -> Self {
        Self::new(INVALID_PARAMS, "invalid-params", message)
    }

    /// Something failed that the caller has no part in.
    #[must_use]
    pub fn internal(message: &str) -> Self {
        Self::new(INTERNAL_ERROR, "internal", message)
    }

    /// One of the program's own errors, with its stable label.
    #[must_use]
    pub fn labelled(label: &str, message: &str) -> Self {
        Self::new(SERVER_ERROR, label, message)
    }

    /// The stable name of the reason, if the error carries one.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.data.as_ref()?.get("label")?.as_str()
    }

    pub(super) fn parse(message: &str) -> Self {
        Self::new(PARSE_ERROR, "parse", message)
    }

    pub(super) fn invalid_request(label: &str, message: &str) -> Self {
        Self::new(INVALID_REQUEST, label, message)
    }

    fn new(code: i64, label: &str, message: &str) -> Self {
        Self { code, message: message.to_owned(), data: Some(json!({ "label": label })) }
    }
}

/// A request that is well-formed. Without an id it is a notification, and nobody waits for an answer.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    pub(super) id: Option<Value>,
    pub(super) method: String,
    pub(super) params: Value,
}

/// A request that is not well-formed, with its id as far as it could be made out.
#[derive(Debug, PartialEq)]
pub(super) struct BadRequest {
    pub(super) id: Value,
    pub(super) error: RpcError,
}

impl BadRequest {
    fn new(id: Value, label: &str, message: &str) -> Self {
        Self { id, error: RpcError::invalid_request(label, message) }
    }
}

/// Reads one request from a line.
pub(super) fn parse_request(line: &[u8]) -> Result<Request, BadRequest> {
    let value: Value = serde_json::from_slice(line).map_err(|error| BadRequest {
        id: Value::Null,
        error: RpcError::parse(&format!("not JSON: {error}")),
    })?;
    let mut object = match value {
        Value::Object(object) => object,
        Value::Array(_) => {
            let message = "batches are not supported: send each request on a line of its own";
            return Err(BadRequest::new(Value::Null, "batch", message));
        }
        _ => {
            return Err(BadRequest::new(Value::Null, "invalid-request", "expected a JSON object"));
        }
    };
    let id = match object.remove("id") {
        None => None,
        Some(id @ (Value::Null | Value::Number(_) | Value::String(_))) => Some(id),
        Some(_) => {
            let message = "an id is a string, a number or null";
            return Err(BadRequest::new(Value::Null, "invalid-request", message));
        }
    };
    let bad = |message| BadRequest::new(id.clone().unwrap_or_default(), "invalid-request", message);
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(bad("expected \"jsonrpc\": \"2.0\""));
    }
    let Some(Value::String(method)) = object.remove("method") else {
        return Err(bad("expected a method, as a string"));
    };
    let params = match object.remove("params") {
        None => Value::Object(Map::new()),
        Some(params @ (Value::Object(_) | Value::Array(_))) => params,
        Some(_) => return Err(bad("params are an object or an array")),
    };
    Ok(Request { id, method, params })
}

pub(super) fn request_line(id: u64, method: &str, params: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

pub(super) fn notification_line(method: &str, params: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

pub(super) fn response_line(id: &Value, outcome: &Result<Value, RpcError>) -> Vec<u8> {
    match outcome {
        Ok(result) => line(&json!({ "jsonrpc": "2.0", "id": id, "result": result })),
        Err(error) => line(&json!({ "jsonrpc": "2.0", "id": id, "error": error })),
    }
}

fn line(value: &Value) -> Vec<u8> {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

/// What reading a line came to.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// A line, without its newline.
    Whole(Vec<u8>),
    /// More than [`LINE_LEN_MAX`] bytes without a newline.
    TooLong,
    /// The end of the stream. What came after the last newline is not a line.
    End,
}

/// Reads one line, holding no more than [`LINE_LEN_MAX`] bytes of it.
pub(super) async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Line> {
    // Room for a line of common length: a buffer that grows leaves copies behind, of a passphrase perhaps.
    let mut line = Vec::with_capacity(LINE_LEN_COMMON);
    let limit = u64::try_from(LINE_LEN_MAX).unwrap_or(u64::MAX);
    reader.take(limit).read_until(b'\n', &mut line).await?;
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        return Ok(Line::Whole(line));
    }
    Ok(if line.len() < LINE_LEN_MAX { Line::End } else { Line::TooLong })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_requests_are_read() {
        let request = parse_request(br#"{"jsonrpc":"2.0","id":1,"method":"status"}"#).unwrap();
        assert_eq!(request, Request { id: Some(json!(1)), method: "status".to_owned(), params: json!({}) });
        let request = parse_request(br#"{"jsonrpc":"2.0","method":"m","params":[1]}"#).unwrap();
        assert_eq!(request, Request { id: None, method: "m".to_owned(), params: json!([1]) });
    }

    #[test]
    fn others_are_refused_by_the_specifications_codes() {
        for (line, code, label, id) in [
            (r#"{"jsonrpc":"2.0","method""#, -32700, "parse", json!(null)),
            ("", -32700, "parse", json!(null)),
            ("\u{1}", -32700, "parse", json!(null)),
            ("[]", -32600, "batch", json!(null)),
            (r#"[{"jsonrpc":"2.0","method":"m"}]"#, -32600, "batch", json!(null)),
            ("1", -32600, "invalid-request", json!(null)),
            (r#"{"id":1,"method":"m"}"#, -32600, "invalid-request", json!(1)),
            (r#"{"jsonrpc":"1.0","id":"a","method":"m"}"#, -32600, "invalid-request", json!("a")),
            (r#"{"jsonrpc":"2.0","id":1}"#, -32600, "invalid-request", json!(1)),
            (r#"{"jsonrpc":"2.0","id":1,"method":2}"#, -32600, "invalid-request", json!(1)),
            (r#"{"jsonrpc":"2.0","id":{},"method":"m"}"#, -32600, "invalid-request", json!(null)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"m","params":3}"#, -32600, "invalid-request", json!(1)),
        ] {
            let bad = parse_request(line.as_bytes()).unwrap_err();
            assert_eq!((bad.error.code, bad.error.label(), &bad.id), (code, Some(label), &id), "{line}");
        }
        let deep = "[".repeat(LINE_LEN_MAX / 2);
        assert_eq!(parse_request(deep.as_bytes()).unwrap_err().error.label(), Some("parse"));
    }

    #[tokio::test]
    async fn lines_are_read_up_to_the_limit() {
        let longest = vec![b'x'; LINE_LEN_MAX - 1];
        let bytes = [longest.as_slice(), b"\n\nab\ncd"].concat();
        let mut reader = bytes.as_slice();
        assert_eq!(read_line(&mut reader).await.unwrap(), Line::Whole(longest));
        assert_eq!(read_line(&mut reader).await.unwrap(), Line::Whole(Vec::new()));
        assert_eq!(read_line(&mut reader).await.unwrap(), Line::Whole(b"ab".to_vec()));
        assert_eq!(read_line(&mut reader).await.unwrap(), Line::End);
        let too_long = [vec![b'x'; LINE_LEN_MAX].as_slice(), b"\n"].concat();
        assert_eq!(read_line(&mut too_long.as_slice()).await.unwrap(), Line::TooLong);
    }
}
