package innius

// Fields chooses the field that holds a fact where the API's answer is ambiguous or spelled in a way that is not
// known here. Names match case-insensitively. An empty name means: the first of the known spellings that is present.
type Fields struct {
	CompanyID, CompanyName string
	MachineID, MachineName string
	SensorID, SensorName   string
	Unit                   string // of a sensor
	Time, Value            string // of a reading
}
