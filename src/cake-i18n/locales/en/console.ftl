# Words of the console’s pages.
