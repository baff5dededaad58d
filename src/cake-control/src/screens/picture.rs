//! A pixmap from QEMU (binary PPM, 8 bits a channel) as a PNG. Plain functions over hostile bytes: row by row, so that the largest
//! screen costs one row and its PNG.

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use std::io::{self, BufRead, Read, Write};

/// More than the memory of the graphics card can show.
pub const PIXELS_MAX: u64 = 16 << 20;
const SIDE_MAX: u32 = 1 << 14;
/// A header's line of QEMU is 12 bytes at most.
const LINE_MAX: u64 = 24;

#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error("not a binary pixmap with 8 bits a channel")]
    NotAPixmap,
    #[error("{0} × {1} pixels")]
    Size(u32, u32),
    #[error("it ends in the middle")]
    Short(#[source] io::Error),
}

/// The pixmap as a PNG (RGB, 8 bits).
pub fn png(pixmap: &mut impl BufRead) -> Result<Vec<u8>, PictureError> {
    let (width, height) = size(pixmap)?;
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::with_capacity(13);
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    // 8 bits, RGB, the only compression, the only filter method, not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &header);
    chunk(&mut png, b"IDAT", &rows(pixmap, width, height).map_err(PictureError::Short)?);
    chunk(&mut png, b"IEND", &[]);
    Ok(png)
}

fn size(pixmap: &mut impl BufRead) -> Result<(u32, u32), PictureError> {
    let mut line = || {
        let mut text = Vec::new();
        pixmap.by_ref().take(LINE_MAX).read_until(b'\n', &mut text).map_err(PictureError::Short)?;
        let text = text.strip_suffix(b"\n").and_then(|text| std::str::from_utf8(text).ok());
        text.map(str::to_owned).ok_or(PictureError::NotAPixmap)
    };
    let (magic, size, most) = (line()?, line()?, line()?);
    if magic != "P6" || most != "255" {
        return Err(PictureError::NotAPixmap);
    }
    let (width, height) = size.split_once(' ').ok_or(PictureError::NotAPixmap)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| PictureError::NotAPixmap);
    let (width, height) = (number(width)?, number(height)?);
    let sides = 1..=SIDE_MAX;
    if sides.contains(&width) && sides.contains(&height) && u64::from(width) * u64::from(height) <= PIXELS_MAX {
        Ok((width, height))
    } else {
        Err(PictureError::Size(width, height))
    }
}

/// Every row as its difference to the one above it: screens are mostly the same downwards.
fn rows(pixmap: &mut impl Read, width: u32, height: u32) -> io::Result<Vec<u8>> {
    const UP: u8 = 2;
    let length = 3 * width as usize;
    let (mut above, mut row, mut line) = (vec![0; length], vec![0; length], vec![UP; 1 + length]);
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..height {
        pixmap.read_exact(&mut row)?;
        for (difference, (now, up)) in line[1..].iter_mut().zip(row.iter().zip(&above)) {
            *difference = now.wrapping_sub(*up);
        }
        packed.write_all(&line)?;
        std::mem::swap(&mut above, &mut row);
    }
    packed.finish()
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    let mut sum = Crc::new();
    sum.update(kind);
    sum.update(content);
    // A screen's content is far below 4 GiB.
    png.extend((content.len() as u32).to_be_bytes());
    png.extend(kind);
    png.extend(content);
    png.extend(sum.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;

    fn pixmap(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = format!("P6\n{width} {height}\n255\n").into_bytes();
        bytes.extend((0..3 * width * height).map(|at| (at * 7 % 251) as u8));
        bytes
    }

    /// Takes it apart again, as a browser does.
    fn pixels(png: &[u8]) -> Vec<u8> {
        let mut at = 8;
        let (mut width, mut packed) = (0, Vec::new());
        while at < png.len() {
            let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
            let (kind, content) = (&png[at + 4..at + 8], &png[at + 8..at + 8 + length]);
            let mut sum = Crc::new();
            sum.update(&png[at + 4..at + 8 + length]);
            assert_eq!(png[at + 8 + length..at + 12 + length], sum.sum().to_be_bytes());
            match kind {
                b"IHDR" => width = u32::from_be_bytes(content[..4].try_into().unwrap()) as usize,
                b"IDAT" => packed.extend(content),
                _ => assert_eq!(kind, b"IEND"),
            }
            at += 12 + length;
        }
        let mut lines = Vec::new();
        ZlibDecoder::new(&packed[..]).read_to_end(&mut lines).unwrap();
        let (mut above, mut all) = (vec![0u8; 3 * width], Vec::new());
        for line in lines.chunks_exact(1 + 3 * width) {
            assert_eq!(line[0], 2);
            let row: Vec<u8> = line[1..].iter().zip(&above).map(|(now, up)| now.wrapping_add(*up)).collect();
            all.extend(&row);
            above = row;
        }
        all
    }

    #[test]
    fn every_pixel_is_in_the_picture() {
        for (width, height) in [(1, 1), (3, 5), (720, 400)] {
            let bytes = pixmap(width, height);
            let png = png(&mut &bytes[..]).unwrap();
            let header = format!("P6\n{width} {height}\n255\n").len();
            assert_eq!(pixels(&png), bytes[header..]);
        }
    }

    #[test]
    fn lies_are_refused() {
        for text in
            ["", "P5\n1 1\n255\n", "P6\n1 1\n65535\n", "P6\n1\n255\n", "P6\n-1 1\n255\n", "P6 1 1 255 x", "P6\n1 1\n"]
        {
            assert!(matches!(png(&mut text.as_bytes()), Err(PictureError::NotAPixmap)), "{text:?}");
        }
        for text in ["P6\n0 1\n255\n", "P6\n16385 1\n255\n", "P6\n16384 16384\n255\n"] {
            assert!(matches!(png(&mut text.as_bytes()), Err(PictureError::Size(..))), "{text:?}");
        }
        assert!(matches!(png(&mut &pixmap(4, 4)[..50]), Err(PictureError::Short(_))));
    }
}
