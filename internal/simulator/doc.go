// Package simulator is a pretend innius API: an http.Handler with a plant, limits and faults.
//
// It is a second, independent statement of what the project believes the API does, so it shares no code with the
// client: an encoder and a decoder with one mistake in common would agree on it. What innius documents is served as
// documented (x-api-key, data, message, limit, start_key and next_key, 429 with Retry-After); what is not known
// (paths, spelling, order, kinds of limit and key) is assumed, and variable through Format and Limits.
//
// Time is time.Now, so in a testing/synctest bubble it is virtual; Client serves such a bubble without sockets.
// Every value is a pure function of sensor and time: nothing is stored, and a month of history costs no memory.
package simulator
