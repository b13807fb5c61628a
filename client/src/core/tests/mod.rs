//! The engine from end to end, over a small network that peels every packet with the keys of a test consensus.

mod addresses;
mod aside;
mod backups;
mod conversations;
mod crashes;
mod files;
mod hostile;
mod hostile_files;
mod invitations;
mod renewals;
mod routes;
mod states;
mod timing;
mod vectors;
mod verification;
mod world;
