mod good;
mod refused;
mod schema;
