# The one page of a server whose state stays closed.
locked-title = This server is locked
locked-why = Its TPM does not open its disks: the mainboard or the TPM was changed, or somebody started something else on it. Nothing is lost.
locked-what = Type the recovery key that was shown or written down when this server was installed. It has eight groups of eight letters.
locked-key = Recovery key
locked-open = Open
locked-opened = The disks are open, and cake starts. From now on this server opens them by itself. In a minute the console is here:
locked-console = To the console
locked-wrong = That is not the recovery key of these disks. Nothing was changed. Look for letters that were read wrongly, and try again.
locked-shape = That is no recovery key: it has eight groups of eight letters, such as “cbdefghi”.
locked-failed = The disks could not be opened. Details: { $detail }
