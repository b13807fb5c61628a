//! Clients of an entry, thousands in one process: each has a session of its own, sends nothing, and takes what comes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::dial::TcpDialer;
use sotto_transport::link::{Link, LinkConnector, LinkError, LinkTimes};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::error::StageError;

/// The clients. Dropped, all their connections close.
pub struct Crowd {
    members: Vec<Arc<Member>>,
    common: Arc<Common>,
    /// Ends the members' tasks when it is dropped.
    _tasks: JoinSet<()>,
}

/// What one client has got.
#[derive(Default)]
struct Member {
    frames: AtomicU64,
    arrivals: Mutex<Vec<Timestamp>>,
}

/// What all clients share.
struct Common {
    clock: Clock,
    keeps: AtomicBool,
    ended: AtomicU64,
    end: Mutex<Option<LinkError>>,
}

impl Crowd {
    /// Opens so many sessions of class 0 at the entry, `at_once` of them at a time.
    ///
    /// # Errors
    /// [`StageError::Link`] for the first that cannot be opened.
    pub async fn open(node: NodeId, address: &str, count: usize, at_once: usize) -> Result<Self, StageError> {
        let connector = LinkConnector::anonymous(Arc::new(TcpDialer), LinkTimes::default());
        let places = Arc::new(Semaphore::new(at_once));
        let mut opening = JoinSet::new();
        for _ in 0..count {
            let (connector, places, address) = (connector.clone(), Arc::clone(&places), address.to_owned());
            opening.spawn(async move {
                let _place = places.acquire().await.map_err(|_| LinkError::Closed)?;
                open(&connector, &node, &address).await
            });
        }
        let common = Arc::new(Common {
            clock: Clock::system(),
            keeps: AtomicBool::new(false),
            ended: AtomicU64::new(0),
            end: Mutex::new(None),
        });
        let (mut members, mut tasks) = (Vec::with_capacity(count), JoinSet::new());
        while let Some(opened) = opening.join_next().await {
            let link = opened.unwrap_or(Err(LinkError::Closed))?;
            let member = Arc::new(Member::default());
            tasks.spawn(Arc::clone(&member).take(link, Arc::clone(&common)));
            members.push(member);
        }
        Ok(Self { members, common, _tasks: tasks })
    }

    /// Whether the times of frames are kept, or frames counted only.
    pub fn keep(&self, keeps: bool) {
        self.common.keeps.store(keeps, Ordering::Release);
    }

    /// How many frames each client has got.
    #[must_use]
    pub fn frames(&self) -> Vec<u64> {
        self.members.iter().map(|member| member.frames.load(Ordering::Acquire)).collect()
    }

    /// The times kept so far, of each client's frames; they are gone from the crowd then.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Vec<Timestamp>> {
        let take = |member: &Arc<Member>| {
            std::mem::take(&mut *member.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
        };
        self.members.iter().map(take).collect()
    }

    /// How many connections have ended, and why one of them did.
    #[must_use]
    pub fn ended(&self) -> (u64, Option<String>) {
        let end = self.common.end.lock().unwrap_or_else(PoisonError::into_inner);
        (self.common.ended.load(Ordering::Acquire), end.as_ref().map(ToString::to_string))
    }
}

async fn open(connector: &LinkConnector, node: &NodeId, address: &str) -> Result<Link, LinkError> {
    let mut link = connector.connect(node, address).await?;
    link.send(&Frame::SessionOpen { class: 0, resume: None }).await?;
    match link.next().await? {
        Frame::SessionOpened { .. } => Ok(link),
        Frame::Refused { label, text } => Err(LinkError::Refused { label, text }),
        _ => Err(LinkError::Unexpected("the grant of a session")),
    }
}

impl Member {
    async fn take(self: Arc<Self>, mut link: Link, common: Arc<Common>) {
        let error = loop {
            if let Err(error) = link.next().await {
                break error;
            }
            self.frames.fetch_add(1, Ordering::AcqRel);
            if common.keeps.load(Ordering::Acquire) {
                let at = common.clock.now();
                self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(at);
            }
        };
        common.ended.fetch_add(1, Ordering::AcqRel);
        *common.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}
