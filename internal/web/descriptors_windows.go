package web

// descriptorsPerProcess returns how many files and connections this process may have open. Windows has no limit that matters.
func descriptorsPerProcess() int { return 2 * maxConnections }
