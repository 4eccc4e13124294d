//! A real node against a scripted model server and a scripted coordinator, over real sockets.

mod coordinator;
mod outcomes;
mod real;
mod script;
mod server;
mod sessions;
mod stage;
mod timing;
