//! Bodies, without a gateway: what a claim and its bytes are judged to be, and what goes on before the judgement.

mod chunks;
mod claims;
mod documented;
mod fuzz;
mod held;
mod published;
mod random;
mod scene;
mod trailers;
mod vendor;
