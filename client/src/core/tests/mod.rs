//! The engine from end to end, over a small network that peels every packet with the keys of a test consensus.

mod addresses;
mod aside;
mod backups;
mod blocking;
mod contacts;
mod conversations;
mod crashes;
mod deleting;
mod files;
mod hostile;
mod hostile_files;
mod introductions;
mod introductions_hostile;
mod invitations;
mod letters;
mod letters_hostile;
mod network;
mod notes;
mod renewals;
mod routes;
mod states;
mod terms;
mod timing;
mod vectors;
mod verification;
mod world;
