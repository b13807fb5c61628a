//! Answers `GET /metrics`, and nothing else.
//!
//! As little of HTTP/1.1 as a scrape needs: one request of bounded length and time for each connection, a bounded
//! number of connections, an answer, the end. Who asks more often than once a second gets the same answer again, so
//! that nobody on the machine can keep the core busy with reports.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::node::shutdown::Shutdown;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;

use super::exposition;
use super::snapshot::Source;
use crate::shell::status::MetricsStatus;

/// Bytes of a request, its headers included.
const REQUEST_LEN_MAX: usize = 8 * 1_024;
/// How long one connection may take, from its start to its end.
const EXCHANGE_MAX: Duration = Duration::from_secs(2);
/// Connections at once; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 8;
/// How long an answer is good for.
const ANSWER_AGE_MAX: Duration = Duration::from_secs(1);
/// How long to wait before the port is tried again.
const BIND_PAUSE: Duration = Duration::from_secs(5);

/// How long a change may take until it is known whether the port could be had.
const MOVE_MAX: Duration = Duration::from_secs(2);

/// Where metrics are to be shown, and whether they are. Changes take effect at once; clones are the same server.
#[derive(Clone, Debug)]
pub(crate) struct MetricsServer {
    wanted: Arc<watch::Sender<Option<SocketAddr>>>,
    state: Arc<watch::Sender<Option<Tried>>>,
}

/// The last attempt to have a port.
#[derive(Clone, Debug)]
struct Tried {
    address: SocketAddr,
    /// Why it failed, if it did.
    failure: Option<String>,
}

impl MetricsServer {
    /// At `address`, or nowhere.
    pub(crate) fn new(address: Option<SocketAddr>) -> Self {
        Self { wanted: Arc::new(watch::Sender::new(address)), state: Arc::new(watch::Sender::new(None)) }
    }

    /// Moves it, and waits until it is known whether that has worked.
    ///
    /// # Errors
    ///
    /// Why metrics are not shown there; it is tried again and again.
    pub(crate) async fn set_address(&self, address: Option<SocketAddr>) -> Result<(), String> {
        let mut state = self.state.subscribe();
        self.state.send_replace(None);
        self.wanted.send_replace(address);
        let Some(address) = address else { return Ok(()) };
        let is_this = |tried: &Option<Tried>| tried.as_ref().is_some_and(|tried| tried.address == address);
        let tried = tokio::time::timeout(MOVE_MAX, state.wait_for(is_this)).await;
        let failure = match tried {
            Ok(Ok(tried)) => tried.as_ref().and_then(|tried| tried.failure.clone()),
            _ => Some("the port is not taken yet".to_owned()),
        };
        failure.map_or(Ok(()), |reason| Err(format!("cannot listen on {address}: {reason}")))
    }

    /// Where metrics are to be shown, and why they are not, for the node's status. `None` if they are off.
    pub(crate) fn status(&self) -> Option<MetricsStatus> {
        let address = (*self.wanted.borrow())?;
        let tried = self.state.borrow().clone().filter(|tried| tried.address == address);
        Some(MetricsStatus { address: address.to_string(), failure: tried.and_then(|tried| tried.failure) })
    }

    fn tell(&self, address: SocketAddr, failure: Option<String>) {
        self.state.send_replace(Some(Tried { address, failure }));
    }
}

/// Answers until `shutdown`. A port that cannot be had is tried again and again: the node works without it.
pub(crate) async fn serve(server: MetricsServer, source: Source, shutdown: Shutdown) {
    let page = Arc::new(Page { source, kept: Mutex::new(None) });
    let mut address = server.wanted.subscribe();
    loop {
        let wanted = *address.borrow_and_update();
        tokio::select! {
            () = shutdown.triggered() => return,
            // The sender lives as long as `server`, so this is a change.
            _changed = address.changed() => {}
            () = serve_at(&server, wanted, &page) => {}
        }
    }
}

/// Serves at one address for as long as nobody cancels it.
async fn serve_at(server: &MetricsServer, address: Option<SocketAddr>, page: &Arc<Page>) {
    let Some(address) = address else { return std::future::pending().await };
    let listener = bound(server, address).await;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Ends the connections when it is dropped.
    let mut connections = JoinSet::new();
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let page = Arc::clone(page);
                connections.spawn(async move {
                    // One that takes too long is cut off, and that is all there is to say.
                    let _ended = tokio::time::timeout(EXCHANGE_MAX, exchange(stream, &page)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection for metrics");
                tokio::time::sleep(BIND_PAUSE).await;
            }
        }
    }
}

async fn bound(server: &MetricsServer, address: SocketAddr) -> TcpListener {
    let mut is_first = true;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                let address_bound = listener.local_addr().unwrap_or(address);
                tracing::info!(address = %address_bound, "metrics are shown");
                server.tell(address, None);
                return listener;
            }
            Err(error) if is_first => {
                tracing::error!(
                    label = "metrics-listen",
                    %address,
                    %error,
                    "cannot show metrics: set `metrics` to another port or to \"off\""
                );
                is_first = false;
                server.tell(address, Some(error.to_string()));
            }
            Err(error) => {
                tracing::debug!(%address, %error, "still cannot show metrics");
                server.tell(address, Some(error.to_string()));
            }
        }
        tokio::time::sleep(BIND_PAUSE).await;
    }
}

/// What is shown, kept for a moment.
struct Page {
    source: Source,
    kept: Mutex<Option<(Timestamp, Arc<str>)>>,
}

impl Page {
    /// The metrics; `None` if the node does not answer.
    async fn text(&self) -> Option<Arc<str>> {
        // Whoever comes while one report is being made waits for it.
        let mut kept = self.kept.lock().await;
        let now = Clock::system().now();
        if let Some((at, text)) = kept.as_ref()
            && now.since(*at).max(at.since(now)) < ANSWER_AGE_MAX
        {
            return Some(Arc::clone(text));
        }
        let text: Arc<str> = exposition::text(self.source.take().await?).ok()?.into();
        *kept = Some((now, Arc::clone(&text)));
        Some(text)
    }
}

/// One request and its answer.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, page: &Page) -> std::io::Result<()> {
    let answer = match read_request(&mut stream).await? {
        Request::Metrics { body } => match page.text().await {
            Some(text) => Answer::new("200 OK", exposition::CONTENT_TYPE, &text, body),
            None => Answer::plain("503 Service Unavailable", "the node does not answer: see its log\n"),
        },
        Request::Elsewhere => Answer::plain("404 Not Found", "metrics are at /metrics\n"),
        Request::OtherMethod => Answer::plain("405 Method Not Allowed", "expected GET\n"),
        Request::TooLong => {
            Answer::plain("431 Request Header Fields Too Large", "expected at most 8192 bytes\n")
        }
        Request::Malformed => Answer::plain("400 Bad Request", "expected GET /metrics HTTP/1.1\n"),
    };
    stream.write_all(answer.0.as_bytes()).await?;
    stream.shutdown().await
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    /// The metrics, with the text itself or its headers alone.
    Metrics { body: bool },
    /// Something else.
    Elsewhere,
    /// Something other than reading.
    OtherMethod,
    /// Longer than any honest request.
    TooLong,
    /// No HTTP/1.
    Malformed,
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Request> {
    let mut head = Vec::with_capacity(1_024);
    let mut limited = stream.take(u64::try_from(REQUEST_LEN_MAX).unwrap_or(u64::MAX));
    loop {
        let is_end = limited.read_buf(&mut head).await? == 0;
        if head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            return Ok(parse(&head));
        }
        if head.len() >= REQUEST_LEN_MAX {
            return Ok(Request::TooLong);
        }
        if is_end {
            return Ok(Request::Malformed);
        }
    }
}

fn parse(head: &[u8]) -> Request {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let Ok(line) = std::str::from_utf8(line) else { return Request::Malformed };
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Request::Malformed;
    };
    if !version.starts_with("HTTP/1.") {
        return Request::Malformed;
    }
    let body = match method {
        "GET" => true,
        "HEAD" => false,
        _ => return Request::OtherMethod,
    };
    match target.split('?').next() {
        Some("/metrics") => Request::Metrics { body },
        _ => Request::Elsewhere,
    }
}

/// An answer as it is written.
struct Answer(String);

impl Answer {
    fn new(status: &str, content_type: &str, text: &str, body: bool) -> Self {
        let len = text.len();
        let text = if body { text } else { "" };
        Self(format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len}\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n{text}"
        ))
    }

    fn plain(status: &str, text: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(request: &[u8]) -> Request {
        let mut stream = request;
        read_request(&mut stream).await.unwrap()
    }

    #[tokio::test]
    async fn one_page_is_read_and_everything_else_is_told_apart() {
        assert_eq!(read(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await, Request::Metrics { body: true });
        assert_eq!(read(b"HEAD /metrics?a=b HTTP/1.0\r\n\r\n").await, Request::Metrics { body: false });
        assert_eq!(read(b"GET /metricsx HTTP/1.1\r\n\r\n").await, Request::Elsewhere);
        assert_eq!(read(b"POST /metrics HTTP/1.1\r\n\r\n").await, Request::OtherMethod);
        for malformed in [
            b"".as_slice(),
            b"GET /metrics HTTP/1.1\r\n",
            b"GET /metrics\r\n\r\n",
            b"GET /metrics HTTP/2.0\r\n\r\n",
            b"\xff\xfe /metrics HTTP/1.1\r\n\r\n",
            b"GET  /metrics HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(read(malformed).await, Request::Malformed, "{malformed:?}");
        }
        let endless = [b"GET /metrics HTTP/1.1\r\nX: ".as_slice(), &[b'a'; REQUEST_LEN_MAX]].concat();
        assert_eq!(read(&endless).await, Request::TooLong);
    }

    #[tokio::test]
    async fn a_port_that_another_has_is_told_until_it_is_free() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let server = MetricsServer::new(None);
        assert_eq!(server.status(), None);
        let binding = tokio::spawn({
            let server = server.clone();
            async move {
                let mut wanted = server.wanted.subscribe();
                let address = wanted.wait_for(Option::is_some).await.unwrap().unwrap();
                bound(&server, address).await
            }
        });
        let error = server.set_address(Some(address)).await.unwrap_err();
        assert!(error.starts_with(&format!("cannot listen on {address}: ")), "{error}");
        assert!(server.status().unwrap().failure.is_some());
        drop(taken);
        let bound = binding.await.unwrap();
        assert_eq!(bound.local_addr().unwrap(), address);
        assert_eq!(server.status().unwrap().failure, None);
        assert_eq!(server.set_address(None).await, Ok(()));
    }

    #[test]
    fn an_answer_to_head_has_the_length_and_no_text() {
        let answer = Answer::new("200 OK", "text/plain", "12345", false).0;
        assert!(answer.contains("Content-Length: 5\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
}
