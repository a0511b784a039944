"""What calls give to parameters: values bound to names and made to fit, sequences spread over the elements of a map."""
