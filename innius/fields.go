package innius

// Fields chooses the field that holds a fact where the API's answer is ambiguous or spelled in a way that is not
// known here. Names match case-insensitively. An empty name means: the first of the known spellings that is present.
type Fields struct {
	CompanyID, CompanyName string
	MachineID, MachineName string
	SensorID, SensorName   string
	Unit                   string // of a sensor
	Time, Value            string // of a reading; Time "0" or "1" is the place of the time in readings that are pairs

	Machines, Sensors, Values string // the field of data that holds the list of machines, of sensors, of values
	TimeZone                  string // IANA name of the zone of times written without one; empty: such a time is unreadable
}
