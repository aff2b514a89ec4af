//! Checksums of objects, as slow and as plain as their definitions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// The value of a checksum header, bit by bit where it is a CRC.
pub fn checksum(name: &str, data: &[u8]) -> String {
    // Reflected, all ones before and after: the parameters of CRC-32/ISO-HDLC, CRC-32/ISCSI and CRC-64/NVME.
    fn crc(data: &[u8], polynomial: u64, ones: u64) -> u64 {
        let mut crc = ones;
        for byte in data {
            crc ^= u64::from(*byte);
            for _ in 0..8 {
                let carry = crc & 1;
                crc >>= 1;
                if carry == 1 {
                    crc ^= polynomial;
                }
            }
        }
        crc ^ ones
    }
    let crc32 = |polynomial| crc(data, polynomial, 0xffff_ffff).to_be_bytes()[4..].to_vec();
    let value = match name {
        "x-amz-checksum-crc32" => crc32(0xedb8_8320),
        "x-amz-checksum-crc32c" => crc32(0x82f6_3b78),
        "x-amz-checksum-crc64nvme" => crc(data, 0x9a6c_9329_ac4b_c9b5, u64::MAX)
            .to_be_bytes()
            .to_vec(),
        "x-amz-checksum-sha1" => Sha1::digest(data).to_vec(),
        "x-amz-checksum-sha256" => Sha256::digest(data).to_vec(),
        _ => panic!("no checksum {name}"),
    };
    STANDARD.encode(value)
}
