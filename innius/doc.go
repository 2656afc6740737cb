// Package innius is a client of the innius REST API. It limits the rate, sends, checks, decodes and follows pages. It has no
// policy over time: when to send a request, and what to do after a failure, is decided by its caller. It never logs.
//
// # What is documented and what is assumed
//
// "Documented" means: in innius' own article "How to use the innius API?" or in its public Grafana plugin. "Assumed"
// means: neither describes it. The user can adjust each assumption, or it fails with an error.
//
//	fact                                                          source
//	REST over HTTPS, JSON, UTF-8                                  documented (article)
//	x-api-key header carries the key                              documented (article)
//	company -> machines -> sensors -> values, four operations     documented (article)
//	one request reads the values of one sensor                    documented (article)
//	200, results in the field data                                documented (article)
//	message holds the detail of a failure; 400 401 403 404 429 500  documented (article)
//	limit, start_key and next_key; null or 0 ends                 documented (article)
//	next_key may be text, in data, or in one object next to it    assumed ([Page])
//	no list of sensors or values: null, {}, 204: an empty list    assumed (a Go server's null)
//	the company as an object, a list of one, or its id alone      assumed ([Client.Company])
//	the only list in data is the list, whatever its name          assumed ([Fields])
//	readings as pairs; which place is the time                    assumed: recognised from each page, or [Fields].Time
//	429 carries Retry-After in seconds                            documented (article)
//	Retry-After may be a date                                     RFC 9110 section 10.2.3
//	readings are {"t": epoch ms, "v": number}                     documented (plugin)
//	machines carry machineid, sensors id and name                 documented (plugin)
//	times as ISO 8601 without doubt; a zone if none is written    assumed; [Fields].TimeZone
//	every other spelling, shape and unit of time                  assumed (fields.go, [Fields])
//	host and base path                                            unknown: the user gives them ([Options].BaseURL)
//	paths and query parameters of the operations                  assumed ([DefaultEndpoints], [Endpoints])
//	order of values, and pages that go back in time               unknown: recognised from each page ([Client.Newest])
//	a window of time may be ignored, exclude from, or be refused  unknown: recognised by what is returned ([Client.Newest])
//	404 for a window without readings                             assumed, where nothing in it is known to exist
//	an empty page with a next_key                                 assumed: followed, within the bound on pages
//	fewer readings on a page than limit                           assumed: pages that others follow are full ([Client.PageSize])
//	a list shows all readings between those of its pages          assumed ([Newest].Missed)
//	a start_key may expire                                        assumed: the list is read from its start again
//
// # Retries
//
// One place retries, and only transient failures: a connection that failed, and 502, 503 and 504; at most twice, with jitter.
// Each attempt takes a token of the rate limit and is counted. A timeout, a 429 and any other status are returned at once.
//
// # Secrets
//
// The key travels in the request header only, to the host of the base URL only: redirects are not followed. Every
// text from the network passes one function before it reaches an error or a value: it replaces the key by
// "<secret>", removes control characters and cuts long texts. A response whose ids, names or next_key hold the
// key is unusable as a whole.
//
// # Files
//
// client.go is what a caller uses. A request is made by endpoint.go, waits in pacer.go, is sent by transport.go, and fails with
// an error of errors.go. Its response is read from the outside in: response.go (status and JSON), shape.go (where in the JSON a
// list is, and its items), fields.go (how their fields are spelled), reading.go (values and times). values.go follows the
// pages of values, and moves the window of time. inspect.go explains one response, for check api. redact.go is the key, and
// what keeps it out of texts.
package innius
