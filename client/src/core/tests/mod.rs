//! The engine from end to end, over a small network that peels every packet with the keys of a test consensus.

mod addresses;
mod aside;
mod backups;
mod conversations;
mod crashes;
mod hostile;
mod invitations;
mod renewals;
mod routes;
mod states;
mod terms;
mod timing;
mod vectors;
mod verification;
mod world;
