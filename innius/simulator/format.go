package simulator

import "time"

// Options says how the API behaves. The zero value serves every request without a key and without a limit.
type Options struct {
	Key      string // required in the header x-api-key; empty: none is required
	BasePath string // the API is mounted below it, such as "/v1"; a request outside gets a 404 that says so
	Limits   Limits
	Format   Format
	Seed     uint64 // of the faults that are chosen at random
}

// Format is the shape of the answers: every variation that the project must be ready for, as none is documented
// beyond data, message and next_key. The zero value is close to innius' public Grafana plugin, newest readings first.
type Format struct {
	Fields        Fields
	Extra         Extra
	Shape         Shape
	CompanyList   bool // the company comes as a list of one
	NextKey       KeyForm
	KeyEnd        KeyEnd
	KeyInData     bool // next_key stands inside data, where Shape makes data an object; otherwise beside it
	Order         Order
	Time          TimeForm
	TimeAsText    bool          // a number of time as JSON text; RFC 3339 is text always
	NumbersAsText bool          // numeric values as JSON text
	NumericIDs    bool          // every id is a JSON number: itself where it is one, a number derived from it where not (see Server.WireID)
	NeedWindow    bool          // values without the parameters from and to get a 400
	History       time.Duration // how far back values go; 0: 30 days
	CursorTTL     time.Duration // a start_key older than this gets a 400; 0: never
}

// Fields holds the spelling of each field, letter case too. Empty: the default given beside it.
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

// Extra holds constant fields that stand beside the known ones, for an API that says more than is expected or says the
// same thing twice. The values are what encoding/json takes.
type Extra struct{ Company, Machine, Sensor, Reading map[string]any }

// Shape says what data holds in the answers that are lists.
type Shape int

// The shapes of data.
const (
	List     Shape = iota // the list itself
	OwnField              // an object that holds the list under machines, sensors or values
	Items                 // an object that holds the list under items
	Results               // an object that holds the list under results
)

// KeyForm says what a next_key is made of.
type KeyForm int

// The forms of next_key. Text holds characters that must be escaped in a query; numbers may be beyond 2^53.
const (
	NumberKey KeyForm = iota
	TextKey
)

// KeyEnd says what stands in next_key when there are no more pages. Null and zero are documented.
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
)

// TimeForm says how the time of a reading is written.
type TimeForm int

// The forms of time. All but RFC3339 count from 1970.
const (
	Milliseconds TimeForm = iota
	RFC3339
	WholeSeconds
	FractionalSeconds
	Microseconds
	Nanoseconds
)

const defaultHistory = 30 * 24 * time.Hour

func (f Format) withDefaults() Format {
	f.Fields = f.Fields.withDefaults()
	if f.History == 0 {
		f.History = defaultHistory
	}
	return f
}

func (f Fields) withDefaults() Fields {
	for field, name := range map[*string]string{
		&f.Data: "data", &f.NextKey: "next_key", &f.Message: "message",
		&f.CompanyID: "domain", &f.MachineID: "machineid", &f.SensorID: "id",
		&f.Name: "name", &f.Description: "description", &f.Unit: "unit",
		&f.Time: "t", &f.Value: "v",
	} {
		if *field == "" {
			*field = name
		}
	}
	return f
}
