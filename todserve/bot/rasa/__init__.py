"""What programs of Rasa send and are told, in their own JSON: slots, events, messages, payloads."""
