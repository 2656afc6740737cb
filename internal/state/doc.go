// Package state keeps what a poller knows over restarts, in one file of one directory that belongs to one exporter.
//
// The file "state" is replaced whole: a new one is written beside it, synced, and renamed over it. It begins with a line
// of text that holds the version of its format,
//
//	innius_exporter state 1
//
// goes on with the content as encoding/gob writes it (which skips fields that it does not know and leaves out what a
// file does not hold, so that fields may be added within a version), and ends in the SHA-256 of all before. One changed
// or missing byte anywhere, and the file is not used.
//
// A file that cannot be used (torn, of another program, of a newer version, too large, of other accounts, not readable) is
// renamed to state.<reason>-<time>, of which the newest three stay, and the exporter starts anew. A write that fails, at
// the start or later, is logged once, until one succeeds again: whatever happens to the disk, readings are served.
//
// The file says whether the process that wrote it ended in order. Where it did not, the allowance counts as spent to the
// last request, because what was sent after the last write is not known. For the same reason the first thing that a
// process does is to write the file: it takes the mark of an orderly end away before a request is sent, or does not count on it.
//
// The content holds names and readings of a plant but no key; the file is readable by its owner alone.
package state
