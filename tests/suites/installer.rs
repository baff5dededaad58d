//! Debian's real network installer, from its CD to its first screen, by what the screen shows.

use anyhow::{Context, Result, ensure};
use cake_client::Client;
use cake_client::wire::NewVm;
use cake_tests::{ADMIN, Instance, PASSWORD, Terminal, in_time, workspace};
use cake_types::ByteSize;
use std::io::Cursor;
use std::path::PathBuf;

fn built(name: &str) -> Result<PathBuf> {
    let path = workspace().join("target/engine").join(name);
    ensure!(path.exists(), "{} is missing: run `make installer`", path.display());
    Ok(path)
}

/// Brings the CD in as people do, and says what will be installed from it.
async fn bring_cd(instance: &Instance, os: &str) -> Result<()> {
    let cake = instance.cake();
    let login = ["login", "--user", ADMIN, "--password-stdin"];
    let said = cake.run_with(&login, format!("{PASSWORD}\n").as_bytes()).await?;
    ensure!(said.code == 0, "{said:?}");
    let iso = built("installer.iso")?;
    cake.ok(&["image", "upload", "debian", iso.to_str().context("a path in UTF-8")?, "--os", os]).await?;
    Ok(())
}

/// A VM with an empty disk and the CD in its drive.
fn from_cd(name: &str) -> NewVm {
    let (memory, disk) = (ByteSize::mib(512), Some(ByteSize::gib(4)));
    NewVm { name: name.into(), image: "debian".into(), cpus: 1, memory, disk, ..NewVm::default() }
}

/// What a screen shows.
struct Picture {
    width: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    async fn of(client: &Client, vm: &str) -> Result<Self> {
        let bytes = client.screenshot(vm).await?;
        let mut reader = png::Decoder::new(Cursor::new(&bytes[..])).read_info()?;
        let mut pixels = vec![0; reader.output_buffer_size().context("a picture of some size")?];
        let info = reader.next_frame(&mut pixels)?;
        ensure!(info.color_type == png::ColorType::Rgb && info.bit_depth == png::BitDepth::Eight, "{info:?}");
        let pixels = pixels.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Ok(Self { width: info.width as usize, pixels })
    }

    /// How much of it has this colour, in hundredths.
    fn share(&self, colour: [u8; 3]) -> usize {
        100 * self.pixels.iter().filter(|pixel| **pixel == colour).count() / self.pixels.len().max(1)
    }

    /// Whether a text stands somewhere in white letters of this font: all of their pixels are, and none between them is.
    fn says(&self, text: &str, font: &Font) -> bool {
        let height = self.pixels.len() / self.width;
        let wide = self.width.checked_sub(8 * text.len());
        let places = (0..height.saturating_sub(16)).flat_map(|y| (0..wide.map_or(0, |w| w + 1)).map(move |x| (x, y)));
        places.into_iter().any(|(x, y)| self.says_at(text, font, x, y))
    }

    fn says_at(&self, text: &str, font: &Font, x: usize, y: usize) -> bool {
        text.bytes().enumerate().all(|(letter, byte)| {
            font.glyph(byte).iter().enumerate().all(|(row, bits)| {
                let begin = (y + row) * self.width + x + 8 * letter;
                let pixels = &self.pixels[begin..begin + 8];
                pixels.iter().enumerate().all(|(column, pixel)| ((bits << column) & 0x80 != 0) == (*pixel == [255; 3]))
            })
        })
    }
}

/// The letters of the graphics card (8 × 16), which its own firmware has.
struct Font(Vec<u8>);

impl Font {
    fn of_card() -> Result<Self> {
        const A: [u8; 16] = [0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0];
        let rom = std::fs::read(built("current/usr/share/seabios/vgabios-stdvga.bin")?)?;
        let a = rom.windows(16).position(|glyph| glyph == A).context("a letter A")?;
        let begin = a.checked_sub(16 * usize::from(b'A')).context("the letters before it")?;
        Ok(Self(rom.get(begin..begin + 16 * 256).context("all letters")?.to_vec()))
    }

    fn glyph(&self, byte: u8) -> &[u8] {
        &self.0[16 * usize::from(byte)..][..16]
    }
}

/// Looks until it is there; a picture is at most ten seconds old.
async fn shows(client: &Client, vm: &str, wanted: impl Fn(&Picture) -> bool) -> Result<()> {
    let look = async {
        while !wanted(&Picture::of(client, vm).await?) {
            tokio::task::yield_now().await;
        }
        let folder = workspace().join("target/screenshots");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("installer-{vm}.png")), client.screenshot(vm).await?)?;
        Ok(())
    };
    in_time("the installer's first screen", look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn debian_is_installed_from_its_cd_to_the_first_screen() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    bring_cd(&instance, "other").await?;
    let font = Font::of_card()?;
    instance.create(&client, &from_cd("bios")).await?;
    shows(&client, "bios", |picture| {
        picture.says("Debian GNU/Linux installer menu (BIOS mode)", &font) && picture.says("Install", &font)
    })
    .await?;
    // The drive is changed under it, and the disk grows; one more finds no place at this controller while the VM runs.
    let cake = instance.cake();
    let drive = || async { Ok::<_, anyhow::Error>(cake.json(&["vm", "show", "bios"]).await?["cd_drive"].clone()) };
    cake.ok(&["vm", "cd", "eject", "bios"]).await?;
    let empty = drive().await?;
    ensure!(empty["image"].is_null() && empty["state"] == "as-asked", "{empty}");
    cake.ok(&["vm", "cd", "insert", "bios", "debian"]).await?;
    let full = drive().await?;
    ensure!(full["image"].is_string() && full["state"] == "as-asked", "{full}");
    cake.ok(&["vm", "disk", "grow", "bios", "0", "--size", "5GiB"]).await?;
    let refused = cake.run(&["vm", "disk", "add", "bios", "--size", "1GiB"]).await?;
    ensure!(refused.code != 0 && refused.err.contains("no place for another disk"), "{refused:?}");
    client.act("bios", cake_client::VmAction::Stop).await?;
    // What Windows 11 asks for: its firmware starts shim, which Debian had signed, shim starts GRUB, and GRUB shows its menu on blue
    // and says that it may load nothing that is not signed.
    let new = NewVm { firmware: Some("uefi".into()), tpm: Some(true), secure_boot: Some(true), ..from_cd("uefi") };
    instance.create(&client, &new).await?;
    shows(&client, "uefi", |picture| picture.share([0, 0, 0xa8]) > 50).await?;
    Terminal::open(&client, "uefi").await?.expect("prohibited by secure boot policy").await?;
    Ok(())
}
