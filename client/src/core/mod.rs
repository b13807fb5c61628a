//! The client's engine: contacts, messages, cover traffic and retransmission as one state machine.
//!
//! [`Engine`] is told what happened (`handle_*`) and asked what to do (`poll_*`). There is deliberately
//! no clock, socket, task or global random generator here, and no decision of when a packet leaves
//! looks at what the user does.
//!
//! | concern | modules |
//! |---|---|
//! | by which way packets leave | `route`, `lane`, `lanes`, `choice`, `routing`, `entry`, `circuits` |
//! | when packets leave | `cover` |
//! | what they hold | `slots`, `scheduler`, `decoys`, `rotation`, `packets` |
//! | answers and retransmission | `arq`, `rtt`, `freeing`, `outbox`, `inbox` |
//! | what a user asks for | `sending`, `invite`, `contact` |
//! | what comes in | `receiving`, `fragment`, `message` |
//! | what is kept | `keeper`, `book`, `settling`, `aside` |
//! | what is shown | `status`, `why`, `view`, `event`, `error` |

mod action;
mod arq;
mod aside;
mod book;
mod choice;
mod circuits;
mod contact;
mod cover;
mod decoys;
mod engine;
mod entry;
mod error;
mod event;
mod fragment;
mod freeing;
mod id;
mod inbox;
mod invite;
mod keeper;
mod lane;
mod lanes;
pub mod limits;
mod message;
mod outbox;
mod packets;
mod receiving;
mod rotation;
pub mod route;
mod routing;
mod rtt;
mod scheduler;
mod sending;
mod settling;
mod slots;
mod status;
mod view;
mod why;

#[cfg(test)]
mod tests;

pub use action::{Action, CircuitId, Via};
pub use aside::Opened;
pub use engine::{Engine, EngineSettings};
pub use error::EngineError;
pub use event::Event;
pub use id::{ContactId, IdError, MessageId};
pub use invite::{Invite, InviteError};
pub use message::{Direction, MessageState};
pub use route::{Route, RoutePlan, RoutePlanError};
pub use view::{
    ConsensusState, ContactState, ContactView, Counters, CoverView, MessageKind, MessageView, RouteState,
    RouteView, StatusView, WaitingView,
};
