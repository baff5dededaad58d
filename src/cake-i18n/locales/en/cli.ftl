# Words of the cake command.
