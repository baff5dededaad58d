# Words of the setup wizard.
