package simulator

import "time"

// Options describe how the API behaves. The zero value serves every request without a key and without a limit.
type Options struct {
	Key      string // required in the header x-api-key; empty: none is required
	BasePath string // the API is mounted below it, such as "/v1"; a request outside gets a 404 with that reason
	Limits   Limits
	Format   Format
	Seed     uint64 // of the faults that are chosen at random
}

// Format is the shape of the responses: every variation that the project must be ready for, as none is documented
// beyond data, message and next_key. The zero value is close to innius' public Grafana plugin, newest readings first.
type Format struct {
	Fields        Fields
	Extra         Extra
	Shape         Shape
	CompanyList   bool // the company comes as a list of one
	NextKey       KeyForm
	KeyEnd        KeyEnd
	KeyInData     bool // next_key stands inside data, where Shape makes data an object; otherwise next to it
	Order         Order
	Time          TimeForm
	TimeAsText    bool          // a number of time as JSON text; RFC 3339 is text always
	NumbersAsText bool          // numeric values as JSON text
	NumericIDs    bool          // every id is a JSON number: itself, or one derived from it (see Server.WireID)
	NeedWindow    bool          // values without the parameters from and to get a 400
	History       time.Duration // how far back values go; 0: 30 days
	CursorTTL     time.Duration // a start_key older than this gets a 400; 0: never

	Empty        EmptyForm   // an empty list of values, or of one machine's sensors
	Company      CompanyForm // instead of CompanyList
	Holder       string      // data is an object that holds the list under this name, whatever Shape is
	SecondList   string      // data, where it is an object, holds a list of other objects under this name
	KeyObject    string      // next_key stands in an object of this name: paging, meta
	NoNextKey    bool        // every list ends after its first page, without a next_key
	KeyPrefix    string      // stands before each next_key, which is text then
	Sparse       int         // so many empty pages with a next_key precede each page, at most 9
	Paths        Paths
	Parameters   Parameters
	GatewayPaths bool // an unknown path gets 403 "Missing Authentication Token", whatever the key
	Window       Window
	Zone         *time.Location // of the time form Zoneless; nil: UTC
	Pairs        bool           // a reading is [time, value]; Extra.Reading is left out
	Decimal      DecimalForm
}

// Paths holds the path of each operation, with the placeholders {company}, {machine} and {sensor}. Empty: the documented
// hierarchy in words that are assumed.
type Paths struct{ Company, Machines, Sensors, Values string }

// Parameters holds the names of the query parameters. Empty: the default in the comment.
type Parameters struct {
	Limit    string // limit
	StartKey string // start_key
	From     string // from
	To       string // to
	Strict   bool   // a parameter of another name gets a 400 that lists the known ones
}

// Window describes what the parameters from and to do. The zero value: epoch milliseconds, both ends included.
type Window struct {
	Unit         WindowUnit
	Ignored      bool          // the parameters have no effect, and none is refused
	Max          time.Duration // a longer range gets a 400 that names it; 0: any
	Exclusive    bool          // a reading at from itself is left out
	RefuseFuture bool          // from later than the API's clock, or than to, gets a 400
	NotFound     bool          // 404 where no reading is in the range
}

// WindowUnit is how from and to are written.
type WindowUnit int

// The units of a window.
const (
	EpochMilliseconds WindowUnit = iota
	EpochSeconds
	TimeText // RFC 3339
	EpochNanoseconds
)

// EmptyForm is how an empty list without a further page is written. It concerns values and the sensors of a machine.
type EmptyForm int

// The forms of an empty list.
const (
	EmptyList       EmptyForm = iota // []
	EmptyNull                        // null where the list stands
	EmptyDataNull                    // data is null
	EmptyNoData                      // no field data
	EmptyBraces                      // {}
	EmptyDataObject                  // {"data":{}}
	EmptyHolderNull                  // {"data":{"values":null}}, or sensors
	EmptyNoContent                   // 204
)

// CompanyForm is what data holds in the response for the company.
type CompanyForm int

// The forms of the company.
const (
	CompanyObject   CompanyForm = iota // its object
	CompanyListed                      // a list of one object
	CompanyNested                      // {"company": object}
	CompanyText                        // the id alone
	CompanyTextList                    // a list of one id
)

// DecimalForm is how numeric values are written.
type DecimalForm int

// The forms of numeric values. All but Point are text.
const (
	Point   DecimalForm = iota // as NumbersAsText has it
	Comma                      // "12,5"
	Percent                    // "12.5%"
)

// Fields holds the spelling of each field, letter case too. Empty: the default in the comment.
type Fields struct {
	Data    string // data
	NextKey string // next_key
	Message string // message

	CompanyID   string // domain; also known: company_id, companyid, id
	MachineID   string // machineid; also machine_id, id
	SensorID    string // id; also sensor_id, sensorid
	Name        string // name
	Description string // description
	Unit        string // unit; also unit_of_measure, uom
	Time        string // t; also timestamp, time
	Value       string // v; also value
}

// Extra holds constant fields next to the known ones, for an API that sends more than is expected or sends the
// same thing twice. The values are what encoding/json takes.
type Extra struct{ Company, Machine, Sensor, Reading map[string]any }

// Shape names what data holds in responses that are lists.
type Shape int

// The shapes of data.
const (
	List     Shape = iota // the list itself
	OwnField              // an object that holds the list under machines, sensors or values
	Items                 // an object that holds the list under items
	Results               // an object that holds the list under results
)

// KeyForm names what a next_key is made of.
type KeyForm int

// The forms of next_key. Text holds characters that must be escaped in a query; numbers may be beyond 2^53.
const (
	NumberKey KeyForm = iota
	TextKey
)

// KeyEnd names what next_key holds when there are no more pages. Null and zero are documented.
type KeyEnd int

// The ends of pagination.
const (
	NullAtEnd KeyEnd = iota
	ZeroAtEnd
	AbsentAtEnd
)

// Order is the order of values.
type Order int

// The orders of values.
const (
	Descending Order = iota // newest first
	Ascending               // oldest of the history, or of the window, first
	Blocks                  // pages go back in time, each page is oldest first
)

// TimeForm names how the time of a reading is written.
type TimeForm int

// The forms of time: numbers count from 1970, the others are text.
const (
	Milliseconds TimeForm = iota
	RFC3339
	WholeSeconds
	FractionalSeconds
	Microseconds
	Nanoseconds
	OffsetMinutes // 2006-01-02T15:04:05.999+0000
	OffsetHours   // 2006-01-02T15:04:05.999+00
	SpaceUTC      // 2006-01-02 15:04:05.999 UTC
	BasicForm     // 20060102T150405Z
	NoSeconds     // 2006-01-02T15:04Z
	ZoneID        // 2006-01-02T15:04:05.999Z[UTC]
	EastOffset    // 2006-01-02T16:04:05.999+0100
	Zoneless      // 2006-01-02T15:04:05.999 by Format.Zone
)

const defaultHistory = 30 * 24 * time.Hour

func (f Format) withDefaults() Format {
	f.Fields = f.Fields.withDefaults()
	f.Paths, f.Parameters = f.Paths.withDefaults(), f.Parameters.withDefaults()
	if f.Zone == nil {
		f.Zone = time.UTC
	}
	if f.CompanyList && f.Company == CompanyObject {
		f.Company = CompanyListed
	}
	if f.History == 0 {
		f.History = defaultHistory
	}
	return f
}

func (f Fields) withDefaults() Fields {
	fill(map[*string]string{
		&f.Data: "data", &f.NextKey: "next_key", &f.Message: "message",
		&f.CompanyID: "domain", &f.MachineID: "machineid", &f.SensorID: "id",
		&f.Name: "name", &f.Description: "description", &f.Unit: "unit",
		&f.Time: "t", &f.Value: "v",
	})
	return f
}

func (p Paths) withDefaults() Paths {
	fill(map[*string]string{
		&p.Company:  "/companies/me",
		&p.Machines: "/companies/{company}/machines",
		&p.Sensors:  "/companies/{company}/machines/{machine}/sensors",
		&p.Values:   "/companies/{company}/machines/{machine}/sensors/{sensor}/values",
	})
	return p
}

func (p Parameters) withDefaults() Parameters {
	fill(map[*string]string{&p.Limit: "limit", &p.StartKey: "start_key", &p.From: "from", &p.To: "to"})
	return p
}

// fill sets the empty fields.
func fill(defaults map[*string]string) {
	for field, value := range defaults {
		if *field == "" {
			*field = value
		}
	}
}
