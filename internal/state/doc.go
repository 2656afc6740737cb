// Package state saves what a poller knows, in one file of one directory that belongs to one exporter.
//
// The file "state" is replaced as a whole: a new file is written, synced, and renamed to it. It begins with a line of text
// that holds the version of the format,
//
//	innius_exporter state 1
//
// continues with the content as encoding/gob writes it, and ends with the SHA-256 of everything before. gob ignores unknown
// fields and leaves out absent ones, so that fields may be added within a version. A file with one changed or missing byte
// is not used.
//
// A file that cannot be used is renamed to state.<reason>-<time>, of which the newest three are kept, and the exporter starts
// without it. A failed write is logged once until a write succeeds: readings are served whatever happens to the disk.
//
// The file records whether the process that wrote it was shut down cleanly. If not, the rate limit counts as used up, because
// requests after the last write are not known. For the same reason the file is written without that mark before the first
// request. If that fails, the mark is ignored.
//
// The content holds names and readings of a plant but no key. Only the owner can read the file.
package state
