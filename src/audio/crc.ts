/** What each byte adds to a CRC of 8, 16 or 32 bits that takes the highest bit first and begins with zero. */
export function crcTable(bits: 8 | 16 | 32, polynomial: number): Uint32Array {
  const [top, mask] = [1 << (bits - 1), 0xffffffff >>> (32 - bits)]
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << (bits - 8)
    for (let bit = 0; bit < 8; bit++) crc = crc & top ? (crc << 1) ^ polynomial : crc << 1
    return (crc & mask) >>> 0
  })
}
