//! JSON-RPC over a real Unix socket: answers, refusals, notifications, and the socket file itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sotto_transport::node::control::{self, ControlRequest, ControlServer};
use sotto_transport::node::reload;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rpc::{
    CONNECTIONS_MAX, LINE_LEN_MAX, QUEUE_MAX, RpcClient, RpcError, RpcHandler, RpcRequest, RpcServer,
    Subscribers,
};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::support::{eventually, soon};

/// Adds, fails, hangs, and tells subscribers.
#[derive(Default)]
struct Example {
    subscribers: Subscribers,
}

impl RpcHandler for Example {
    async fn call(&self, request: RpcRequest) -> Result<Value, RpcError> {
        match request.method.as_str() {
            "add" => {
                let (a, b): (i64, i64) = request.params()?;
                Ok(json!(a + b))
            }
            "fail" => Err(RpcError::labelled("quota-full", "no room")),
            "hang" => std::future::pending().await,
            "huge" => Ok(json!("x".repeat(LINE_LEN_MAX))),
            "subscribe" => {
                self.subscribers.add(request.subscriber);
                Ok(json!({}))
            }
            "tell" => {
                self.subscribers.publish("told", &request.params);
                Ok(json!(self.subscribers.count()))
            }
            other => Err(RpcError::method_not_found(other)),
        }
    }
}

struct Running {
    _dir: TempDir,
    path: PathBuf,
    handler: Arc<Example>,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Running {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run").join("rpc.sock");
        let server = RpcServer::bind(&path).unwrap();
        let (handler, shutdown) = (Arc::new(Example::default()), Shutdown::new());
        let task = tokio::spawn(server.serve(Arc::clone(&handler), shutdown.clone()));
        Self { _dir: dir, path, handler, shutdown, task }
    }

    async fn client(&self) -> RpcClient {
        RpcClient::connect(&self.path).await.unwrap()
    }

    async fn raw(&self) -> BufReader<UnixStream> {
        BufReader::new(UnixStream::connect(&self.path).await.unwrap())
    }
}

fn private_dir() -> TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o700)).tempdir().unwrap()
}

async fn exchange(raw: &mut BufReader<UnixStream>, line: &str) -> Value {
    raw.get_mut().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    next_value(raw).await
}

async fn next_value(raw: &mut BufReader<UnixStream>) -> Value {
    let mut line = String::new();
    soon(raw.read_line(&mut line)).await.unwrap();
    serde_json::from_str(&line).unwrap()
}

#[tokio::test]
async fn calls_are_answered_and_refused() {
    let server = Running::start();
    let client = server.client().await;
    assert_eq!(client.call("add", &json!([2, 3])).await.unwrap(), json!(5));
    let error = client.call("fail", &json!({})).await.unwrap_err();
    assert_eq!((error.label(), error.to_string().as_str()), ("quota-full", "no room"));
    assert_eq!(client.call("nothing", &json!({})).await.unwrap_err().label(), "method-not-found");
    assert_eq!(client.call("add", &json!({"a": 1})).await.unwrap_err().label(), "invalid-params");
    assert_eq!(client.call("huge", &json!({})).await.unwrap_err().label(), "internal");
    let long = json!(["x".repeat(LINE_LEN_MAX)]);
    assert_eq!(client.call("add", &long).await.unwrap_err().label(), "line-too-long");
    assert_eq!(client.call("add", &json!([2, 2])).await.unwrap(), json!(4), "the connection still works");
}

#[tokio::test]
async fn errors_have_the_specifications_form() {
    let server = Running::start();
    let mut raw = server.raw().await;
    let response = exchange(&mut raw, r#"{"jsonrpc":"2.0","id":"a","method":"add","params":[1,2]}"#).await;
    assert_eq!(response, json!({"jsonrpc": "2.0", "id": "a", "result": 3}));
    for (line, id, code) in [
        ("{nonsense", json!(null), -32700),
        (r#"{"jsonrpc":"2.0","id":1}"#, json!(1), -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}]"#, json!(null), -32600),
        (r#"{"jsonrpc":"2.0","id":2,"method":"nothing"}"#, json!(2), -32601),
        (r#"{"jsonrpc":"2.0","id":3,"method":"add","params":["1"]}"#, json!(3), -32602),
        (r#"{"jsonrpc":"2.0","id":4,"method":"fail"}"#, json!(4), -32000),
    ] {
        let response = exchange(&mut raw, line).await;
        assert_eq!((&response["id"], &response["error"]["code"]), (&id, &json!(code)), "{line}");
        assert!(response.get("result").is_none());
    }
    let response = exchange(&mut raw, r#"[{"jsonrpc":"2.0"}]"#).await;
    let message = response["error"]["message"].as_str().unwrap();
    assert!(message.contains("batches are not supported"), "{message}");
    // A notification is carried out and not answered: the next answer is the next request's.
    raw.get_mut().write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"fail\"}\n").await.unwrap();
    let response = exchange(&mut raw, r#"{"jsonrpc":"2.0","id":5,"method":"add","params":[1,1]}"#).await;
    assert_eq!(response, json!({"jsonrpc": "2.0", "id": 5, "result": 2}));
}

#[tokio::test]
async fn an_oversized_line_is_refused_and_costs_only_its_connection() {
    let server = Running::start();
    let mut raw = server.raw().await;
    let (mut reader, mut writer) = raw.get_mut().split();
    let writing = async {
        // The server stops reading in between: then writing fails, which is as good.
        let _refused = writer.write_all(&vec![b'x'; LINE_LEN_MAX + 100_000]).await;
    };
    let reading = async {
        let mut answer = Vec::new();
        // A reset may follow the answer, because not all that was sent has been read.
        let _ended = reader.read_to_end(&mut answer).await;
        answer
    };
    let ((), answer) = soon(async { tokio::join!(writing, reading) }).await;
    let response: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(response["error"]["code"], json!(-32600));
    assert_eq!(response["error"]["data"]["label"], json!("line-too-long"));
    assert_eq!(server.client().await.call("add", &json!([1, 2])).await.unwrap(), json!(3));
}

#[tokio::test]
async fn a_call_without_an_answer_times_out_and_others_do_not_wait() {
    let server = Running::start();
    let client = server.client().await;
    let error = client.call_within(Duration::from_millis(50), "hang", &json!({})).await.unwrap_err();
    assert_eq!(error.label(), "timeout");
    assert_eq!(server.client().await.call("add", &json!([1, 2])).await.unwrap(), json!(3));
}

#[tokio::test]
async fn subscribers_are_told_in_order() {
    let server = Running::start();
    let (client, other) = (server.client().await, server.client().await);
    let mut told = client.notifications().unwrap();
    assert!(client.notifications().is_none(), "they are given out once");
    client.call("subscribe", &json!({})).await.unwrap();
    for number in 0..50 {
        assert_eq!(other.call("tell", &json!([number])).await.unwrap(), json!(1));
    }
    for number in 0..50 {
        let notification = soon(told.recv()).await.unwrap();
        assert_eq!((notification.method.as_str(), notification.params), ("told", json!([number])));
    }
    drop((client, told));
    eventually("the subscriber is forgotten", || server.handler.subscribers.count() == 0).await;
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_is_cut_off() {
    let server = Running::start();
    let mut slow = server.raw().await;
    let subscribed = exchange(&mut slow, r#"{"jsonrpc":"2.0","id":1,"method":"subscribe"}"#).await;
    assert_eq!(subscribed["result"], json!({}));
    let client = server.client().await;
    let text = json!(["x".repeat(10_000)]);
    let mut told = 0;
    while client.call("tell", &text).await.unwrap() == json!(1) {
        told += 1;
        assert!(told < 100 * QUEUE_MAX, "never cut off");
    }
    assert!(told >= QUEUE_MAX);
    assert_eq!(server.handler.subscribers.count(), 0);
    // What it still gets is whole lines, in order, and then the end.
    let mut lines = slow.lines();
    let mut read = 0;
    while let Ok(Some(line)) = soon(lines.next_line()).await {
        if serde_json::from_str::<Value>(&line).is_err() {
            assert!(soon(lines.next_line()).await.unwrap().is_none(), "only the last line may be cut");
            break;
        }
        read += 1;
    }
    assert!(read <= told);
}

#[tokio::test]
async fn too_many_connections_are_closed() {
    let server = Running::start();
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let client = server.client().await;
        client.call("add", &json!([1, 1])).await.unwrap();
        held.push(client);
    }
    let one_more = server.client().await;
    assert_eq!(soon(one_more.call("add", &json!([1, 1]))).await.unwrap_err().label(), "closed");
    held.pop();
    // The server has to notice that a place is free.
    let retrying = async {
        while server.client().await.call("add", &json!([1, 1])).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(retrying).await;
}

#[tokio::test]
async fn the_socket_is_private_and_goes_away_with_the_server() {
    let server = Running::start();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&server.path), 0o600);
    assert_eq!(mode(server.path.parent().unwrap()), 0o700);
    let client = server.client().await;
    let hanging = tokio::spawn(async move { client.call("hang", &json!({})).await.unwrap_err() });
    let idle = server.client().await;
    idle.call("add", &json!([1, 1])).await.unwrap();
    server.shutdown.trigger();
    soon(server.task).await.unwrap();
    assert!(!server.path.exists());
    let label = soon(hanging).await.unwrap().label().to_owned();
    assert!(label == "shutting-down" || label == "closed", "{label}");
    assert_eq!(idle.call("add", &json!([1, 1])).await.unwrap_err().label(), "closed");
}

#[tokio::test]
async fn only_a_socket_that_nobody_answers_on_is_taken_over() {
    let server = Running::start();
    assert_eq!(RpcServer::bind(&server.path).unwrap_err().label(), "already-served");
    server.client().await.call("add", &json!([1, 1])).await.unwrap();

    let dir = private_dir();
    let path = dir.path().join("rpc.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "what a killed process leaves behind");
    drop(RpcServer::bind(&path).unwrap());

    fs::write(&path, b"precious").unwrap();
    assert_eq!(RpcServer::bind(&path).unwrap_err().label(), "not-a-socket");
    assert_eq!(fs::read(&path).unwrap(), b"precious");

    let open = dir.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(RpcServer::bind(&open.join("rpc.sock")).unwrap_err().label(), "open-to-others");

    let long = dir.path().join("x".repeat(120));
    let error = RpcServer::bind(&long).unwrap_err().to_string();
    assert!(error.contains("107 bytes"), "{error}");
}

#[tokio::test]
async fn nobody_serving_is_said_plainly() {
    let dir = tempfile::tempdir().unwrap();
    let error = RpcClient::connect(&dir.path().join("rpc.sock")).await.unwrap_err();
    assert_eq!(error.label(), "unreachable");
    assert!(error.to_string().contains("is the process running?"), "{error}");
}

#[tokio::test]
async fn a_node_is_asked_and_told_over_its_control_socket() {
    let dir = private_dir();
    let path = dir.path().join("control.sock");
    let server = ControlServer::bind(&path).unwrap();
    let shutdown = Shutdown::new();
    let (requests_in, mut requests) = mpsc::channel(1);
    let (reloads, mut reload_requests) = reload::channel();
    let task = tokio::spawn(server.serve(requests_in, Some(reloads), shutdown.clone()));
    tokio::spawn(async move {
        reload_requests.recv().await.unwrap().reply.send(Ok(json!({ "applied": ["log"] }))).unwrap();
        reload_requests.recv().await.unwrap().reply.send(Err("node.toml:3: wrong".to_owned())).unwrap();
    });
    tokio::spawn(async move {
        let mut quiesced = false;
        while let Some(request) = requests.recv().await {
            match request {
                ControlRequest::Status { reply } => reply.send(json!({ "quiesced": quiesced })).unwrap(),
                ControlRequest::Drain { cancel: false, reply } => {
                    reply.send(Ok(json!({ "ends_s": 7 }))).unwrap();
                }
                ControlRequest::Drain { cancel: true, reply } => {
                    reply.send(Err(("too-late", "it has left".to_owned()))).unwrap();
                }
                ControlRequest::Quiesce { reply } => {
                    quiesced = true;
                    reply.send(()).unwrap();
                }
            }
        }
    });
    assert_eq!(control::status(&path).await.unwrap(), json!({ "quiesced": false }));
    control::quiesce(&path).await.unwrap();
    assert_eq!(control::status(&path).await.unwrap(), json!({ "quiesced": true }));
    assert_eq!(control::drain(&path, false).await.unwrap(), json!({ "ends_s": 7 }));
    let refused = control::drain(&path, true).await.unwrap_err();
    assert_eq!((refused.label(), refused.to_string().as_str()), ("too-late", "it has left"));
    assert_eq!(control::reload(&path).await.unwrap(), json!({ "applied": ["log"] }));
    let refused = control::reload(&path).await.unwrap_err();
    assert_eq!((refused.label(), refused.to_string().as_str()), ("reload-refused", "node.toml:3: wrong"));
    let client = RpcClient::connect(&path).await.unwrap();
    assert_eq!(client.call("explode", &json!({})).await.unwrap_err().label(), "method-not-found");
    control::shutdown(&path).await.unwrap();
    soon(shutdown.triggered()).await;
    soon(task).await.unwrap();
    assert_eq!(control::status(&path).await.unwrap_err().label(), "unreachable");
}
